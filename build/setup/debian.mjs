// Installs the Debian packages that tests, demo and builds need, or prints which are missing.
import { spawnSync } from 'node:child_process'
import { isInstalled } from '../is-installed.mjs'
import { withoutStartingDaemons } from './policy-rc.mjs'

const DEBIAN_ARCHITECTURES = { x64: 'x86_64', arm64: 'aarch64' }
const CROSS = '/usr/aarch64-linux-gnu/lib'
const CROSS_ARMV7 = '/usr/arm-linux-gnueabihf/lib'
const FAKETIME = `/usr/lib/${DEBIAN_ARCHITECTURES[process.arch] ?? ''}-linux-gnu/faketime/libfaketimeMT.so.1`
const PYTHON = '/usr/lib/python3/dist-packages'

const SEARCHED = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin']

/** Program or file, package, purpose, modes. */
const PROGRAMS = [
  ['/lib/systemd/systemd', 'systemd', 'the systemd that tests watch', ['test', 'demo']],
  ['busctl', 'systemd', 'another D-Bus client', ['test', 'demo']],
  ['dbus-daemon', 'dbus-daemon', 'the message bus', ['test', 'demo']],
  ['unshare', 'util-linux', 'namespaces for the rig', ['test', 'demo']],
  ['ip', 'iproute2', 'addresses in a network namespace', ['test']],
  ['nsenter', 'util-linux', 'commands inside the rig', ['test', 'demo']],
  ['setpriv', 'util-linux', 'processes that end with their owner', ['test', 'demo']],
  ['/usr/lib/polkit-1/polkitd', 'polkitd', 'polkit, which grants control of units', ['test']],
  ['mosquitto', 'mosquitto', 'the MQTT broker', ['test', 'demo']],
  ['mosquitto_sub', 'mosquitto-clients', 'an independent MQTT subscriber', ['test', 'demo']],
  ['prometheus', 'prometheus', 'Prometheus, which scrapes the agent', ['test']],
  ['promtool', 'prometheus', 'checks of metrics and alert rules', ['test']],
  ['prometheus-alertmanager', 'prometheus-alertmanager', 'Alertmanager, which receives the alerts', ['test']],
  ['amtool', 'prometheus-alertmanager', 'checks of its configuration', ['test']],
  ['victoria-metrics', 'victoria-metrics', 'VictoriaMetrics, to which the agent pushes', ['test']],
  ['vmalert', 'victoria-metrics', 'alert rules of VictoriaMetrics', ['test']],
  ['vmauth', 'victoria-metrics', 'bearer tokens in front of it', ['test']],
  ['prometheus-mqtt-exporter', 'prometheus-mqtt-exporter', 'what gatewatch-centre is compared with', ['test']],
  ['chromium', 'chromium', 'a browser for the dashboard', ['test']],
  ['prometheus-node-exporter', 'prometheus-node-exporter', 'an exporter to compare with', ['bench']],
  ['ssh', 'openssh-client', 'a tunnel to a site', ['bench']],
  ['sshd', 'openssh-server', 'the other end of the tunnel', ['bench']],
  ['strace', 'strace', 'tracing of writes and syncs, and injection of faults', ['test']],
  ['mkfs.ext4', 'e2fsprogs', 'a small ext4 file system', ['test']],
  ['python3', 'python3', 'an ioctl that simulates a power cut', ['test']],
  ['mkfs.xfs', 'xfsprogs', 'a small xfs file system', ['test']],
  ['mkfs.btrfs', 'btrfs-progs', 'a small btrfs file system', ['bench']],
  ['mount', 'mount', 'mounting these', ['test']],
  ['openssl', 'openssl', 'certificates for TLS', ['test']],
  [FAKETIME, 'libfaketime', 'a wall clock that a test sets', ['test']],
  ['curl', 'curl', 'a client of HTTP that is not ours', ['test']],
  ['zsh', 'zsh', 'a shell that completes commands', ['test']],
  ['fish', 'fish', 'a shell that completes commands', ['test']],
  [`${PYTHON}/jinja2/sandbox.py`, 'python3-jinja2', "Home Assistant's templates", ['test']],
  [`${PYTHON}/prometheus_client/openmetrics/parser.py`, 'python3-prometheus-client', 'parsers of metrics', ['test']],
  ['strip', 'binutils', 'the executables', ['build', 'test']],
  ['aarch64-linux-gnu-strip', 'binutils-aarch64-linux-gnu', 'the executable for arm64', ['build', 'test']],
  ['arm-linux-gnueabihf-strip', 'binutils-arm-linux-gnueabihf', 'the executable for armv7', ['build', 'test']],
  ['qemu-aarch64-static', 'qemu-user-static', "running ARM's Node", ['build', 'test']],
  [`${CROSS}/libstdc++.so.6`, 'libstdc++6-arm64-cross', 'libraries for it', ['build', 'test']],
  [`${CROSS_ARMV7}/libstdc++.so.6`, 'libstdc++6-armhf-cross', 'libraries for armv7', ['build', 'test']],
  [`${CROSS_ARMV7}/libatomic.so.1`, 'libatomic1-armhf-cross', 'libraries for armv7', ['build', 'test']],
  ['xz', 'xz-utils', 'the packages', ['build', 'test']],
  ['lintian', 'lintian', "checks of the Debian packages against Debian's policy", ['test']],
]

/** Services that these packages enable, and that must not start at the next boot. */
const SERVICES = {
  mosquitto: ['mosquitto'],
  prometheus: ['prometheus'],
  'prometheus-node-exporter': ['prometheus-node-exporter'],
  'prometheus-mqtt-exporter': ['prometheus-mqtt-exporter'],
  'openssh-server': ['ssh'],
  'prometheus-alertmanager': ['prometheus-alertmanager'],
  'victoria-metrics': ['victoria-metrics'],
}

/** As root on Debian, installs the missing packages; else prints them, and tests that need them are skipped. */
export function installPackages(mode) {
  const missing = PROGRAMS.filter(([program, , , modes]) => modes.includes(mode) && !isInstalled(program, SEARCHED))
  if (missing.length === 0) return
  const packages = [...new Set(missing.map(([, name]) => name))]
  const install = ['install', '--yes', '--no-install-recommends', ...packages]

  console.error(`setup: missing for ${mode}:`)
  for (const [program, name, what] of missing) console.error(`  ${program} (package ${name}): ${what}`)
  if (process.getuid?.() !== 0 || !isInstalled('apt-get', SEARCHED)) {
    console.error(`setup: install them with: sudo apt-get ${install.join(' ')}`)
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
