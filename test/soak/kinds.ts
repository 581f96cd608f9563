// The kinds of units that a soak drives, each with settings by chance: what real gateways have, and what goes wrong there.
import type { Chance } from './chance.ts'
import { restarting, type Sections, service, unitText } from './unit-text.ts'

/** One thing to drive: its unit files, which of the units are watched, and its further tricks as shell lines. */
export interface Driven {
  readonly files: Readonly<Record<string, string>>
  readonly watched: readonly string[]
  /** Lines for the rig's shell, done now and then: a connection to a socket, a transient unit. */
  readonly tricks: readonly string[]
}

type Kind = (name: string, by: Chance) => Driven

const alone = (sections: (name: string, by: Chance) => Sections): Kind => {
  return (name, by) => ({
    files: { [`${name}.service`]: service(sections(name, by), by) },
    watched: [`${name}.service`],
    tricks: [],
  })
}

const SLEEP = 'ExecStart=/bin/sleep infinity'
/** Ends with 0 on SIGUSR1 and with 3 on SIGUSR2, and leaves a child that systemd has to end. */
const SHELL = 'ExecStart=/bin/sh $SHARE/main.sh'
const STUBBORN = 'ExecStart=/bin/sh $SHARE/stubborn.sh'
const READY = 'ExecStart=/bin/sh $SHARE/ready.sh'
const NOTIFY = ['Type=notify', 'NotifyAccess=all']
const ENDS = ['/bin/true', '/bin/false', '/bin/sh -c "exit 3"', '/bin/sh -c "sleep 0.1; exit 7"', '/bin/sleep 0.2']

export const KINDS: Readonly<Record<string, Kind>> = {
  simple: alone((_, by) => restarting(by, [by.one([SLEEP, SHELL])])),
  exec: alone((_, by) => restarting(by, ['Type=exec', by.one([SLEEP, SHELL])])),
  forking: alone((_, by) => restarting(by, ['Type=forking', 'ExecStart=/bin/sh -c "sleep infinity & exit 0"'])),
  notify: alone((_, by) => restarting(by, [...NOTIFY, READY, 'ExecReload=/bin/true'])),
  oneshot: alone((_, by) => restarting(by, ['Type=oneshot', `ExecStart=${by.one(ENDS)}`], 'oneshot')),
  remains: alone((_, by) => ({
    unit: [],
    service: ['Type=oneshot', 'RemainAfterExit=yes', `ExecStart=${by.one(ENDS)}`],
  })),
  short: alone((_, by) => restarting(by, [`ExecStart=${by.one(ENDS)}`])),
  missing: alone((_, by) => restarting(by, [by.one(['', 'Type=exec']), 'ExecStart=/nowhere/program'])),
  pre: alone((_, by) => restarting(by, [`ExecStartPre=${by.one(['/bin/false', '/bin/sleep 0.1'])}`, SLEEP])),
  post: alone((_, by) => restarting(by, [SLEEP, `ExecStartPost=${by.one(['/bin/false', '/bin/sleep 0.1'])}`])),
  stopPost: alone((_, by) => restarting(by, [SHELL, `ExecStopPost=${by.one(['/bin/false', '/bin/sleep 0.1'])}`])),
  condition: alone((_, by) =>
    restarting(by, [`ExecCondition=${by.one(['/bin/false', '/bin/true', '/bin/sh -c "exit 255"'])}`, SLEEP]),
  ),
  success: alone((_, by) => restarting(by, [SHELL, 'SuccessExitStatus=3 SIGKILL SIGABRT'])),
  forced: alone((_, by) =>
    restarting(by, [SHELL, `Restart${by.one(['Force', 'Prevent'])}ExitStatus=${by.one(['0 3', '3', 'SIGKILL'])}`]),
  ),
  watchdog: alone((_, by) => restarting(by, [...NOTIFY, READY, 'WatchdogSec=300ms'])),
  late: alone((_, by) => restarting(by, ['Type=notify', 'ExecStart=/bin/sleep infinity', 'TimeoutStartSec=200ms'])),
  stubborn: alone((_, by) => restarting(by, [STUBBORN, 'TimeoutStopSec=200ms'])),
  brief: alone((_, by) => restarting(by, [by.one([SLEEP, SHELL]), 'RuntimeMaxSec=300ms'])),
  dynamic: alone((_, by) => restarting(by, ['DynamicUser=yes', SLEEP])),
  nowhere: alone((_, by) => restarting(by, ['WorkingDirectory=/nowhere', SLEEP])),
  named: alone((_, by) =>
    restarting(by, ['Type=dbus', 'BusName=org.freedesktop.hostname1', 'ExecStart=/lib/systemd/systemd-hostnamed']),
  ),
  limit: alone((_, by) => ({
    unit: ['StartLimitIntervalSec=2', `StartLimitBurst=${by.whole(1, 5)}`],
    service: [`Restart=${by.one(['always', 'on-failure'])}`, 'RestartSec=0', `ExecStart=${by.one(ENDS)}`],
  })),
  template: (name, by) => ({
    files: { [`${name}@.service`]: service(restarting(by, [SHELL]), by) },
    watched: [`${name}@a.service`, `${name}@b.service`],
    tricks: [],
  }),
  timer: (name, by) => ({
    files: {
      [`${name}.timer`]: '[Timer]\nOnActiveSec=50ms\nOnUnitInactiveSec=150ms\nAccuracySec=1ms\n',
      [`${name}.service`]: service({ unit: [], service: ['Type=oneshot', `ExecStart=${by.one(ENDS)}`] }, by),
    },
    watched: [`${name}.timer`, `${name}.service`],
    tricks: [],
  }),
  socket: (name, by) => ({
    files: {
      [`${name}.socket`]: `[Socket]\nListenStream=$SHARE/${name}.sock\n`,
      [`${name}.service`]: service(restarting(by, [SHELL]), by),
    },
    watched: [`${name}.socket`, `${name}.service`],
    // Any client will do; this one is at hand and gives up by itself.
    tricks: [`timeout 0.2 busctl --address=unix:path=$SHARE/${name}.sock list`],
  }),
  pair: (name, by) => ({
    files: {
      [`${name}-base.service`]: service(restarting(by, [SHELL]), by),
      [`${name}.service`]: service(
        {
          unit: [`${by.one(['BindsTo', 'Requires', 'PartOf'])}=${name}-base.service`, `After=${name}-base.service`],
          service: [`Restart=${by.one(['no', 'always', 'on-failure'])}`, 'RestartSec=50ms', SHELL],
        },
        by,
      ),
    },
    watched: [`${name}-base.service`, `${name}.service`],
    tricks: [],
  }),
  transient: (name, by) => ({
    files: {},
    watched: [`${name}.service`],
    tricks: [
      `systemd-run --quiet --no-block --unit=${name} ${by.one(['', '--collect', '-p Restart=on-failure'])} ${by.one(['sleep 1000', 'sleep 0.1', 'false'])}`,
    ],
  }),
  target: (name) => ({
    files: { [`${name}.target`]: unitText({ unit: ['Description=A target'], service: [] }) },
    watched: [`${name}.target`],
    tricks: [],
  }),
}
