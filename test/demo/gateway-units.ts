// The unit files of the simulated gateway: the twelve default units as small services of every type.

/** The target that starts the gateway's units. */
export const BOOT_TARGET = 'gateway.target'

/**
 * The program of every service: `service.sh NAME run|notify|once SECONDS`. It runs until SIGTERM; SIGUSR1 makes it exit
 * with code 3; while the file NAME.broken exists beside it, it exits with code 1.
 */
export const SERVICE_SCRIPT = `#!/bin/sh
broken=$(dirname "$0")/$1.broken
trap 'exit 0' TERM
trap 'exit 3' USR1
nap() { sleep "$1" & wait $!; }
case $2 in
  once) nap "$3"; [ ! -e "$broken" ] || exit 1; exit 0 ;;
  notify) systemd-notify --ready ;;
esac
while [ ! -e "$broken" ]; do
  nap 1
  [ "$2" != notify ] || systemd-notify WATCHDOG=1
done
exit 1
`

interface SimulatedUnit {
  readonly description: string
  readonly mode: 'run' | 'notify' | 'once 0.3' | 'once 0.6' | 'once 1'
  readonly unit?: readonly string[]
  readonly service: readonly string[]
  /** False: not started when the gateway boots. */
  readonly boot?: false
}

const SIMULATED: Readonly<Record<string, SimulatedUnit>> = {
  hwcheck: { description: 'Hardware check', mode: 'once 0.3', service: ['Type=oneshot', 'RemainAfterExit=yes'] },
  provisioning: {
    description: 'Provisioning',
    mode: 'once 0.6',
    unit: ['After=hwcheck.service'],
    service: ['Type=oneshot', 'RemainAfterExit=yes'],
  },
  setup_cell_connect: {
    description: 'Cellular connection',
    mode: 'once 1',
    unit: ['After=hwcheck.service'],
    service: ['Type=oneshot', 'RemainAfterExit=yes', 'Restart=on-failure', 'RestartSec=2'],
  },
  'Node-Configuration': { description: 'Configures nodes', mode: 'once 1', service: ['Type=oneshot'], boot: false },
  mosquitto: { description: 'MQTT broker', mode: 'run', service: ['Restart=on-failure', 'RestartSec=1'] },
  'wirepas-gateway': {
    description: 'Wirepas gateway',
    mode: 'run',
    unit: ['After=mosquitto.service provisioning.service'],
    service: ['Type=exec', 'Restart=always', 'RestartSec=2'],
  },
  'wirepas-sink-ttys1': sink('first'),
  'wirepas-sink-ttys2': sink('second'),
  'edger.connecteddev': {
    description: 'Connected devices',
    mode: 'run',
    // Limit 1 suppresses core files and the machine's core handler too (core(5)): a simulated crash needs neither.
    service: ['Restart=on-failure', 'RestartSec=1', 'LimitCORE=1'],
  },
  'edger.endries': {
    description: 'Bin sensors',
    mode: 'notify',
    service: ['Type=notify', 'NotifyAccess=all', 'WatchdogSec=3', 'Restart=on-failure', 'RestartSec=1', 'LimitCORE=1'],
  },
  devmgmt: { description: 'Device management', mode: 'run', service: ['Restart=on-failure', 'RestartSec=2'] },
  wps_button_monitor: { description: 'WPS button', mode: 'run', service: ['Restart=no'] },
}

/** Reaches its start limit while its serial port is missing. */
function sink(which: string): SimulatedUnit {
  return {
    description: `Wirepas sink on the ${which} serial port`,
    mode: 'run',
    unit: ['After=wirepas-gateway.service', 'StartLimitIntervalSec=30', 'StartLimitBurst=3'],
    service: ['Restart=on-failure', 'RestartSec=0.8'],
  }
}

/** Unit files by name. `directory` contains the program, and has the same path inside the rig. */
export function unitFiles(directory: string): Record<string, string> {
  const files: Record<string, string> = {}
  for (const [name, { description, mode, unit = [], service }] of Object.entries(SIMULATED)) {
    const start = `ExecStart=/bin/sh ${directory}/service.sh ${name} ${mode}`
    files[`${name}.service`] = `${[
      '[Unit]',
      `Description=${description} (simulated)`,
      ...unit,
      '[Service]',
      start,
      ...service,
    ].join('\n')}\n`
  }
  const wanted = Object.keys(SIMULATED).filter((name) => SIMULATED[name]?.boot !== false)
  files[BOOT_TARGET] =
    `[Unit]\nDescription=A gateway (simulated)\n${wanted.map((name) => `Wants=${name}.service`).join('\n')}\n`
  return files
}
