# One recipe in the place of the build's own tools, which are Debian's (see HOSTTOOLS in test/yocto/bitbake.sh).
SUMMARY = "Substitutes for the native dependencies of gatewatch"
LICENSE = "CLOSED"
INHIBIT_DEFAULT_DEPS = "1"
inherit native nopackages
PROVIDES = "virtual/fakeroot-native pseudo-native dpkg-native xz-native quilt-native patch-replacement-native shadow-native \
            systemd-systemctl-native opkg-utils-native dwarfsrcfiles-native rpm-native"
deltask do_configure
deltask do_compile
