#!/bin/bash
# Builds the packages of gatewatch with the real bitbake for qemuarm, qemuarm64 and qemux86-64, and then runs yocto-check-layer.
# See README.md beside this file for what it needs.
#   test/yocto/bitbake.sh OE_CORE RELEASE BUILD
# OE_CORE: openembedded-core of a series, with bitbake in its directory bitbake. RELEASE: the directory that `npm run package` wrote.
# BUILD: a new directory for everything that is written.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
core=$(realpath "$1") release=$(realpath "$2")
mkdir -p "$3"
build=$(realpath "$3")
tar -xf "$release"/meta-gatewatch-*.tar.xz -C "$build"

# bitbake looks for programs named after the machine; Debian's have other names.
mkdir -p "$build/tools"
for pair in aarch64-oe-linux:aarch64-linux-gnu arm-oe-linux-gnueabi:arm-linux-gnueabihf x86_64-oe-linux:x86_64-linux-gnu; do
  for tool in nm objcopy objdump readelf strip; do ln -sf "/usr/bin/${pair#*:}-$tool" "$build/tools/${pair%:*}-$tool"; done
done
path=$core/scripts:$core/bitbake/bin:$build/tools:/usr/sbin:/usr/bin:/sbin:/bin

configure() { # DIRECTORY LAYERS, and more lines of local.conf on stdin
  mkdir -p "$1/conf"
  printf 'BBPATH = "${TOPDIR}"\nBBFILES ?= ""\nBBLAYERS = "%s"\n' "$2" > "$1/conf/bblayers.conf"
  { cat << EOF
DISTRO = "nodistro"
INIT_MANAGER = "systemd"
PACKAGE_CLASSES = "package_deb"
PREMIRRORS:prepend = "https://gatewatch.invalid/releases/.* file://$release/ "
BB_NO_NETWORK = "1"
CONNECTIVITY_CHECK_URIS = ""
SANITY_TESTED_DISTROS = ""
INHERIT:remove = "uninative"
EOF
  cat; } > "$1/conf/local.conf"
}

run() { # DIRECTORY MACHINE COMMAND; fails on warnings, too
  local directory=$1 machine=$2
  shift 2
  printf '\n== %s: %s\n' "$machine" "$*"
  (cd "$directory" && env -i HOME="$build" LC_ALL=C.UTF-8 TERM=dumb PATH="$path" BUILDDIR="$directory" BBPATH="$directory" \
    MACHINE="$machine" BB_ENV_PASSTHROUGH_ADDITIONS=MACHINE nice "$@") 2>&1 | tee "$directory/log"
  ! grep -E '^(WARNING|ERROR)' "$directory/log"
}

configure "$build/packages" "$core/meta $build/meta-gatewatch $here/substitutes" << 'EOF'
TMPDIR = "${TOPDIR}/tmp-${MACHINE}"
require conf/substitutes.conf
EOF
for machine in qemuarm qemuarm64 qemux86-64; do
  run "$build/packages" "$machine" bitbake gatewatch:do_package_qa gatewatch:do_package_write_deb gatewatch:do_populate_lic \
    packagegroup-gatewatch:do_package_qa
done

configure "$build/check" "$core/meta" < /dev/null
run "$build/check" qemuarm yocto-check-layer --no-auto-dependency "$build/meta-gatewatch"
