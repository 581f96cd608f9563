// Installs the Debian packages whose programs tests and demo run, or says which are missing.
import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { withoutStartingDaemons } from './policy-rc.mjs'

const CROSS = '/usr/aarch64-linux-gnu/lib'
const CROSS_ARMV7 = '/usr/arm-linux-gnueabihf/lib'

/** program or file -> package, what it is for, in which modes. */
const PROGRAMS = [
  ['/lib/systemd/systemd', 'systemd', 'the real systemd that tests watch', ['test', 'demo']],
  ['busctl', 'systemd', 'a second client on the bus', ['test', 'demo']],
  ['dbus-daemon', 'dbus-daemon', 'the real bus', ['test', 'demo']],
  ['unshare', 'util-linux', 'namespaces for the rig', ['test', 'demo']],
  ['nsenter', 'util-linux', 'commands inside the rig', ['test', 'demo']],
  ['setpriv', 'util-linux', 'rigs that die with their owner', ['test', 'demo']],
  ['/usr/lib/polkit-1/polkitd', 'polkitd', 'the real polkit, which grants control of units', ['test']],
  ['mosquitto', 'mosquitto', 'the real MQTT broker', ['test', 'demo']],
  ['mosquitto_sub', 'mosquitto-clients', 'a subscriber that is not ours', ['test', 'demo']],
  ['prometheus', 'prometheus', 'the real Prometheus, scraping us', ['test']],
  ['promtool', 'prometheus', 'checks of metrics and alert rules', ['test']],
  ['prometheus-alertmanager', 'prometheus-alertmanager', 'the real Alertmanager, told by that Prometheus', ['test']],
  ['amtool', 'prometheus-alertmanager', 'checks of its configuration', ['test']],
  ['chromium', 'chromium', 'a real browser that looks at the dashboard', ['test']],
  ['prometheus-node-exporter', 'prometheus-node-exporter', 'what systemd costs it, beside us', ['bench']],
  ['strace', 'strace', 'what is really written and synced', ['test']],
  ['mkfs.ext4', 'e2fsprogs', 'a small file system that fills up', ['test']],
  ['python3', 'python3', 'an ioctl that cuts a file system off', ['test']],
  ['mkfs.xfs', 'xfsprogs', 'a file system of another kind', ['test']],
  ['mount', 'mount', 'mounting it', ['test']],
  ['openssl', 'openssl', 'certificates for TLS', ['test']],
  ['curl', 'curl', 'a client of HTTP that is not ours', ['test']],
  ['/usr/lib/python3/dist-packages/jinja2/sandbox.py', 'python3-jinja2', "Home Assistant's templates", ['test']],
  ['strip', 'binutils', 'the executables', ['build', 'test']],
  ['aarch64-linux-gnu-strip', 'binutils-aarch64-linux-gnu', 'the executable for arm64', ['build', 'test']],
  ['arm-linux-gnueabihf-strip', 'binutils-arm-linux-gnueabihf', 'the executable for armv7', ['build', 'test']],
  ['qemu-aarch64-static', 'qemu-user-static', "ARM's own Node, run here", ['build', 'test']],
  [`${CROSS}/libstdc++.so.6`, 'libstdc++6-arm64-cross', 'what it needs to run', ['build', 'test']],
  [`${CROSS_ARMV7}/libstdc++.so.6`, 'libstdc++6-armhf-cross', 'the same for armv7', ['build', 'test']],
  [`${CROSS_ARMV7}/libatomic.so.1`, 'libatomic1-armhf-cross', 'the same for armv7', ['build', 'test']],
  ['xz', 'xz-utils', 'the packages', ['build', 'test']],
]

/** Services that these packages would have started at the next boot. */
const SERVICES = {
  mosquitto: ['mosquitto'],
  prometheus: ['prometheus'],
  'prometheus-node-exporter': ['prometheus-node-exporter'],
  'prometheus-alertmanager': ['prometheus-alertmanager'],
}

/** As root on Debian: installs what the mode needs. Else: says what is missing; tests that need it say SKIPPED. */
export function installPackages(mode) {
  const missing = PROGRAMS.filter(([program, , , modes]) => modes.includes(mode) && !isInstalled(program))
  if (missing.length === 0) return
  const packages = [...new Set(missing.map(([, name]) => name))]
  const install = ['install', '--yes', '--no-install-recommends', ...packages]

  console.error(`setup: missing for ${mode}:`)
  for (const [program, name, what] of missing) console.error(`  ${program} (package ${name}): ${what}`)
  if (process.getuid?.() !== 0 || !isInstalled('apt-get')) {
    console.error(`setup: to have them: sudo apt-get ${install.join(' ')}`)
    return
  }

  console.error(`setup: apt-get ${install.join(' ')}`)
  withoutStartingDaemons(() => {
    apt(['update'])
    apt(install)
  })
  for (const service of packages.flatMap((name) => SERVICES[name] ?? [])) {
    spawnSync('systemctl', ['disable', '--quiet', service], { stdio: 'ignore' })
  }
}

function apt(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const options = ['-qq', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Dpkg::Use-Pty=0']
  const { status, stdout, stderr } = spawnSync('apt-get', [...options, ...args], { env, encoding: 'utf8' })
  if (status !== 0) throw new Error(`apt-get ${args.join(' ')} failed (exit code ${status})\n${stdout}${stderr}`)
}

function isInstalled(program) {
  const directories = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin']
  const paths = program.startsWith('/') ? [program] : directories.map((directory) => join(directory, program))
  return paths.some((path) => {
    try {
      accessSync(path, program.startsWith('/') ? constants.R_OK : constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
