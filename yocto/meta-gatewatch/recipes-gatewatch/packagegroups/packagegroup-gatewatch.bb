# The packages of a watched gateway: the agent, and a broker if a layer provides one.
SUMMARY = "gatewatch, and an MQTT broker to which it publishes"
LICENSE = "MIT"

# Depends on packages of one architecture, and therefore is architecture-specific itself.
PACKAGE_ARCH = "${TUNE_PKGARCH}"

inherit packagegroup gatewatch-target

RDEPENDS:${PN} = "gatewatch"
# A recommended package that no layer provides would stop the build.
RRECOMMENDS:${PN} = "${@bb.utils.contains('BBFILE_COLLECTIONS', 'networking-layer', 'mosquitto', '', d)}"
