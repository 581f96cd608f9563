# Example for your own layer: recipes-gatewatch/gatewatch/gatewatch_%.bbappend, with your config.json in files/ beside it.
FILESEXTRAPATHS:prepend := "${THISDIR}/files:"
SRC_URI += "file://config.json;subdir=own"

# State on a data partition instead of /var/lib.
GATEWATCH_STATE_DIR = "/data/gatewatch"

do_install:prepend() {
    install -m 0644 ${UNPACKDIR}/own/config.json ${S}/config.json
}
