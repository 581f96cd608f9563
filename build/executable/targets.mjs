// The build targets: names, tools, and the libraries that each executable may require of the system.

/**
 * `machine`: e_machine in the ELF header; `elf`: its name in readelf. `strip`, `run`: the programs that strip and run its
 * files on the build machine; `packages`: the Debian packages that contain them. `needed`: exactly the libraries that the
 * executable links to. `deb`: Debian's name of the architecture. `packedAtMostMB`: the aim for its tarball, for gateways
 * whose traffic is paid by the byte.
 */
export const TARGETS = {
  x64: {
    machine: 62,
    elf: 'Advanced Micro Devices X86-64',
    strip: 'strip',
    run: [],
    packages: ['binutils'],
    needed: ['ld-linux-x86-64.so.2', 'libc.so.6', 'libdl.so.2', 'libgcc_s.so.1', 'libm.so.6', 'libpthread.so.0'],
    deb: 'amd64',
  },
  arm64: {
    machine: 183,
    elf: 'AArch64',
    strip: 'aarch64-linux-gnu-strip',
    run: ['qemu-aarch64-static', '-L', '/usr/aarch64-linux-gnu'],
    packages: ['binutils-aarch64-linux-gnu', 'qemu-user-static', 'libstdc++6-arm64-cross'],
    needed: ['ld-linux-aarch64.so.1', 'libc.so.6', 'libdl.so.2', 'libgcc_s.so.1', 'libm.so.6', 'libpthread.so.0'],
    deb: 'arm64',
    packedAtMostMB: 27,
  },
  armv7: {
    machine: 40,
    elf: 'ARM',
    strip: 'arm-linux-gnueabihf-strip',
    run: ['qemu-arm-static', '-L', '/usr/arm-linux-gnueabihf'],
    packages: ['binutils-arm-linux-gnueabihf', 'qemu-user-static', 'libstdc++6-armhf-cross', 'libatomic1-armhf-cross'],
    needed: [
      'ld-linux-armhf.so.3',
      'libatomic.so.1',
      'libc.so.6',
      'libdl.so.2',
      'libgcc_s.so.1',
      'libm.so.6',
      'libpthread.so.0',
    ],
    deb: 'armhf',
    packedAtMostMB: 19,
  },
}

for (const target of Object.values(TARGETS)) target.needed = [...target.needed, 'libstdc++.so.6'].sort()

export const HIGHEST_GLIBC = '2.28'

/** `linux-arm64`, as in `gatewatch version` and in file names. */
export const nameOf = (arch) => `linux-${arch}`
