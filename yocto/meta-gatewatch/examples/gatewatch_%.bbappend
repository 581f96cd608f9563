# Example for your own layer: recipes-gatewatch/gatewatch/gatewatch_%.bbappend, with your config.json in files/ beside it.
FILESEXTRAPATHS:prepend := "${THISDIR}/files:"
SRC_URI += "file://config.json"

# The counters on a data partition instead of /var/lib, whatever config.json contains.
GATEWATCH_STATE_DIR = "/data/gatewatch"

do_install:append() {
    install -m 0644 ${UNPACKDIR}/config.json ${D}${sysconfdir}/gatewatch/config.json
}
