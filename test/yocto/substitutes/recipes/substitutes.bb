# One recipe in the place of all that gatewatch depends on: Debian's libraries for the machine's processor, and empty packages.
SUMMARY = "Substitutes for the dependencies of gatewatch"
LICENSE = "CLOSED"
PV = "1.0"

INHIBIT_DEFAULT_DEPS = "1"
PROVIDES = "virtual/libc virtual/cross-binutils virtual/cross-cc virtual/compilerlibs virtual/${TARGET_PREFIX}binutils \
            virtual/${TARGET_PREFIX}compilerlibs virtual/${TARGET_PREFIX}gcc \
            glibc libgcc gcc-runtime base-files base-passwd shadow shadow-sysroot systemd bash-completion"
PACKAGES = "libc6 libgcc libstdc++ libatomic base-files base-passwd shadow systemd bash-completion"
python () {
    for package in d.getVar("PACKAGES").split():
        d.setVar("ALLOW_EMPTY:" + package, "1")
        d.setVar("INSANE_SKIP:" + package, "already-stripped arch ldflags libdir dev-so file-rdeps")
}
INHIBIT_PACKAGE_STRIP = "1"
INHIBIT_SYSROOT_STRIP = "1"
INHIBIT_PACKAGE_DEBUG_SPLIT = "1"

SUBSTITUTE_LIBRARIES:aarch64 = "/usr/aarch64-linux-gnu/lib"
SUBSTITUTE_LIBRARIES:arm = "/usr/arm-linux-gnueabihf/lib"
SUBSTITUTE_LIBRARIES:x86-64 = "/lib/x86_64-linux-gnu /usr/lib/x86_64-linux-gnu"
FILES:libc6 = "${base_libdir}/libc.so.6 ${base_libdir}/libm.so.6 ${base_libdir}/libdl.so.2 ${base_libdir}/libpthread.so.0 ${base_libdir}/ld-linux*"
FILES:libgcc = "${base_libdir}/libgcc_s.so.1"
FILES:libstdc++ = "${base_libdir}/libstdc++.so.6"
FILES:libatomic = "${base_libdir}/libatomic.so.1"

do_configure[noexec] = "1"
do_compile[noexec] = "1"
do_install() {
    install -d ${D}${base_libdir}
    for directory in ${SUBSTITUTE_LIBRARIES}; do
        for name in libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 ld-linux-aarch64.so.1 ld-linux-armhf.so.3 ld-linux-x86-64.so.2 \
            libgcc_s.so.1 libstdc++.so.6 libatomic.so.1; do
            if [ -e $directory/$name ]; then cp -L $directory/$name ${D}${base_libdir}/$name; fi
        done
    done
}
