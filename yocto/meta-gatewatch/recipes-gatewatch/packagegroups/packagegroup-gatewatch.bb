# What a gateway that is watched has: the agent, and a broker where the layers have one.
SUMMARY = "gatewatch, and a broker for it to publish to"
LICENSE = "MIT"

# It names packages of one architecture, so it is not for all.
PACKAGE_ARCH = "${TUNE_PKGARCH}"
COMPATIBLE_HOST = "(aarch64|arm).*-linux"

inherit packagegroup features_check
REQUIRED_DISTRO_FEATURES = "systemd"

RDEPENDS:${PN} = "gatewatch"
RRECOMMENDS:${PN} = "mosquitto"
