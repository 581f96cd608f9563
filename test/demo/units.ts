// The twelve default units as unit files: small services of every kind that a gateway has.

/** What boots the gateway. */
export const BOOT = 'gateway.target'

/**
 * One program for all of them. `service.sh NAME run|notify|once SECONDS`: works until SIGTERM; SIGUSR1 makes it exit
 * with code 3; while NAME.broken lies beside it, it ends with code 1.
 */
export const SCRIPT = `#!/bin/sh
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

interface Simulated {
  readonly about: string
  readonly how: 'run' | 'notify' | 'once 0.3' | 'once 0.6' | 'once 1'
  readonly unit?: readonly string[]
  readonly service: readonly string[]
  /** False: not started with the gateway. */
  readonly boot?: false
}

const SIMULATED: Readonly<Record<string, Simulated>> = {
  hwcheck: { about: 'Hardware check', how: 'once 0.3', service: ['Type=oneshot', 'RemainAfterExit=yes'] },
  provisioning: {
    about: 'Provisioning',
    how: 'once 0.6',
    unit: ['After=hwcheck.service'],
    service: ['Type=oneshot', 'RemainAfterExit=yes'],
  },
  setup_cell_connect: {
    about: 'Cellular connection',
    how: 'once 1',
    unit: ['After=hwcheck.service'],
    service: ['Type=oneshot', 'RemainAfterExit=yes', 'Restart=on-failure', 'RestartSec=2'],
  },
  'Node-Configuration': { about: 'Configures nodes', how: 'once 1', service: ['Type=oneshot'], boot: false },
  mosquitto: { about: 'MQTT broker', how: 'run', service: ['Restart=on-failure', 'RestartSec=1'] },
  'wirepas-gateway': {
    about: 'Wirepas gateway',
    how: 'run',
    unit: ['After=mosquitto.service provisioning.service'],
    service: ['Type=exec', 'Restart=always', 'RestartSec=2'],
  },
  'wirepas-sink-ttys1': sink('first'),
  'wirepas-sink-ttys2': sink('second'),
  'edger.connecteddev': {
    about: 'Connected devices',
    how: 'run',
    // A crash here is no reason for a core file, nor for the machine's handler of them (core(5): limit 1).
    service: ['Restart=on-failure', 'RestartSec=1', 'LimitCORE=1'],
  },
  'edger.endries': {
    about: 'Bin sensors',
    how: 'notify',
    service: ['Type=notify', 'NotifyAccess=all', 'WatchdogSec=3', 'Restart=on-failure', 'RestartSec=1', 'LimitCORE=1'],
  },
  devmgmt: { about: 'Device management', how: 'run', service: ['Restart=on-failure', 'RestartSec=2'] },
  wps_button_monitor: { about: 'WPS button', how: 'run', service: ['Restart=no'] },
}

/** Ends in a start limit when its serial port stays away. */
function sink(which: string): Simulated {
  return {
    about: `Wirepas sink on the ${which} serial port`,
    how: 'run',
    unit: ['After=wirepas-gateway.service', 'StartLimitIntervalSec=30', 'StartLimitBurst=3'],
    service: ['Restart=on-failure', 'RestartSec=0.8'],
  }
}

/** Unit files by name; `directory` holds the program, at the same path inside. */
export function unitFiles(directory: string): Record<string, string> {
  const files: Record<string, string> = {}
  for (const [name, { about, how, unit = [], service }] of Object.entries(SIMULATED)) {
    const start = `ExecStart=/bin/sh ${directory}/service.sh ${name} ${how}`
    files[`${name}.service`] = `${[
      '[Unit]',
      `Description=${about} (simulated)`,
      ...unit,
      '[Service]',
      start,
      ...service,
    ].join('\n')}\n`
  }
  const wanted = Object.keys(SIMULATED).filter((name) => SIMULATED[name]?.boot !== false)
  files[BOOT] =
    `[Unit]\nDescription=A gateway (simulated)\n${wanted.map((name) => `Wants=${name}.service`).join('\n')}\n`
  return files
}
