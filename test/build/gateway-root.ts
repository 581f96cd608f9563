// A private systemd on which packages can be installed: its /etc, /usr and /var/lib are overlays over the machine's.
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { Json } from '../../src/core/views/api-json.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { until } from '../rig/until.ts'

/** Mounts overlays in memory inside the rig's mount namespace, and mounts the rig's own directories on top again. */
const MOUNT_OVERLAYS = `
overlay() {
  local dir=$1 sub; shift; mkdir -p "/tmp/over$dir/upper" "/tmp/over$dir/work"
  for sub; do
    if [ -d "$sub" ]; then mkdir -p "/tmp/lower$sub"; else mkdir -p "$(dirname "/tmp/lower$sub")"; : >"/tmp/lower$sub"; fi
    mount --bind "$sub" "/tmp/lower$sub"
  done
  mount -t overlay overlay -o "lowerdir=$dir,upperdir=/tmp/over$dir/upper,workdir=/tmp/over$dir/work" "$dir"
  for sub; do mount --bind "/tmp/lower$sub" "$sub"; done
}
set -e
overlay /etc /etc/systemd/system /etc/machine-id
overlay /usr /usr/lib/systemd/system /usr/lib/systemd/system-generators
overlay /var/lib /var/lib/systemd
rm -f /usr/sbin/policy-rc.d
`

const WATCHED = 'watched.service'
const UNIT =
  '[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/sleep infinity\nRestart=always\nRestartSec=10ms\n'

export interface GatewayRoot {
  readonly systemd: Systemd
  /** The path inside. It is unique, because the agent's lock is an abstract socket with that name, and rigs share the host's network. */
  readonly stateFile: string
  /** Runs a command inside and resolves with its stdout; rejects with its output if it fails. */
  run(...command: string[]): Promise<string>
  /** Kills the watched unit and waits until the agent has counted `total` crashes. */
  crash(total: number): Promise<void>
  /** Crashes of the watched unit according to `gatewatch status` inside. */
  crashes(): Promise<number>
}

/** `share`: a host directory to bind inside. */
export async function startGatewayRoot(share: string): Promise<GatewayRoot> {
  const systemd = await startSystemd({ bind: [share] })
  const run = async (...command: string[]) => {
    const { code, stdout, stderr } = await systemd.exec(...command)
    if (code !== 0) throw new Error(`${command.join(' ')}: exit code ${code}\n${stdout}${stderr}`)
    return stdout
  }
  const crashes = async () => {
    const status = JSON.parse(await run('gatewatch', 'status', '--json')) as { units: Json[] }
    const unit = status.units.find((one) => one['service'] === WATCHED)
    return Number((unit?.['counters'] as Json | undefined)?.['crashes'])
  }
  await run('bash', '-c', MOUNT_OVERLAYS)
  systemd.writeUnit(WATCHED, UNIT)
  const stateFile = `/var/lib/gatewatch/${basename(share)}.ring`
  const environment = [
    `GATEWATCH_MONITORED_SERVICES=${WATCHED}`,
    'GATEWATCH_PROMETHEUS_PORT=0',
    `GATEWATCH_PERSISTENCE_FILE=${stateFile}`,
  ].join(' ')
  systemd.writeUnit('gatewatch.service.d/test.conf', `[Service]\nEnvironment=${environment}\n`)
  await systemd.daemonReload()
  await systemd.start(WATCHED)
  return {
    systemd,
    stateFile,
    run,
    crashes,
    async crash(total) {
      await systemd.kill(WATCHED, 'KILL', 'main')
      await until(crashes, { what: `${total} crashes`, is: (n) => n === total, timeoutMs: 90_000 })
    },
  }
}

/** The version in package.json. */
export const VERSION = String(
  (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as Json)['version'],
)
