# wrynose: a "toolchain" whose compiler is the recipe substitutes, and whose other programs are Debian's binutils.
OBJCOPY = "${HOST_PREFIX}objcopy"
OBJDUMP = "${HOST_PREFIX}objdump"
READELF = "${HOST_PREFIX}readelf"
STRIP = "${HOST_PREFIX}strip"
PREFERRED_PROVIDER_virtual/cross-cc = "substitutes"
PREFERRED_PROVIDER_virtual/compilerlibs = "substitutes"
TCOVERRIDE = "toolchain-substitutes"
