# The packages of a watched gateway: the agent, and a broker if the layers provide one.
SUMMARY = "gatewatch, and an MQTT broker to which it publishes"
LICENSE = "MIT"

# Depends on packages of one architecture, and therefore is architecture-specific itself.
PACKAGE_ARCH = "${TUNE_PKGARCH}"
COMPATIBLE_HOST = "(aarch64|arm).*-linux"

inherit packagegroup features_check
REQUIRED_DISTRO_FEATURES = "systemd"

RDEPENDS:${PN} = "gatewatch"
RRECOMMENDS:${PN} = "mosquitto"
