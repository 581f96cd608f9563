// The kinds of units in the soak test, each with random settings: what gateways run, and the ways in which it fails.
import type { Random } from './random.ts'
import { restarting, type Sections, service, unitText } from './unit-text.ts'

/** One or more units that belong together: their files, which of them are watched, and further actions. */
export interface DrivenUnits {
  readonly files: Readonly<Record<string, string>>
  readonly watched: readonly string[]
  /** Shell lines to run in the rig at random times: a connection to a socket, a transient unit. */
  readonly shellLines: readonly string[]
}

type Kind = (name: string, random: Random) => DrivenUnits

const singleService = (sections: (name: string, random: Random) => Sections): Kind => {
  return (name, random) => ({
    files: { [`${name}.service`]: service(sections(name, random), random) },
    watched: [`${name}.service`],
    shellLines: [],
  })
}

const SLEEP = 'ExecStart=/bin/sleep infinity'
/** Exits with 0 on SIGUSR1 and with 3 on SIGUSR2, and leaves a child that systemd has to kill. */
const SHELL = 'ExecStart=/bin/sh $SHARE/main.sh'
const STUBBORN = 'ExecStart=/bin/sh $SHARE/stubborn.sh'
const READY = 'ExecStart=/bin/sh $SHARE/ready.sh'
const NOTIFY = ['Type=notify', 'NotifyAccess=all']
const ENDS = ['/bin/true', '/bin/false', '/bin/sh -c "exit 3"', '/bin/sh -c "sleep 0.1; exit 7"', '/bin/sleep 0.2']

export const KINDS: Readonly<Record<string, Kind>> = {
  simple: singleService((_, random) => restarting(random, [random.one([SLEEP, SHELL])])),
  exec: singleService((_, random) => restarting(random, ['Type=exec', random.one([SLEEP, SHELL])])),
  forking: singleService((_, random) =>
    restarting(random, ['Type=forking', 'ExecStart=/bin/sh -c "sleep infinity & exit 0"']),
  ),
  notify: singleService((_, random) => restarting(random, [...NOTIFY, READY, 'ExecReload=/bin/true'])),
  oneshot: singleService((_, random) =>
    restarting(random, ['Type=oneshot', `ExecStart=${random.one(ENDS)}`], 'oneshot'),
  ),
  remains: singleService((_, random) => ({
    unit: [],
    service: ['Type=oneshot', 'RemainAfterExit=yes', `ExecStart=${random.one(ENDS)}`],
  })),
  short: singleService((_, random) => restarting(random, [`ExecStart=${random.one(ENDS)}`])),
  missing: singleService((_, random) =>
    restarting(random, [random.one(['', 'Type=exec']), 'ExecStart=/nowhere/program']),
  ),
  pre: singleService((_, random) =>
    restarting(random, [`ExecStartPre=${random.one(['/bin/false', '/bin/sleep 0.1'])}`, SLEEP]),
  ),
  post: singleService((_, random) =>
    restarting(random, [SLEEP, `ExecStartPost=${random.one(['/bin/false', '/bin/sleep 0.1'])}`]),
  ),
  stopPost: singleService((_, random) =>
    restarting(random, [SHELL, `ExecStopPost=${random.one(['/bin/false', '/bin/sleep 0.1'])}`]),
  ),
  condition: singleService((_, random) =>
    restarting(random, [`ExecCondition=${random.one(['/bin/false', '/bin/true', '/bin/sh -c "exit 255"'])}`, SLEEP]),
  ),
  success: singleService((_, random) => restarting(random, [SHELL, 'SuccessExitStatus=3 SIGKILL SIGABRT'])),
  forced: singleService((_, random) =>
    restarting(random, [
      SHELL,
      `Restart${random.one(['Force', 'Prevent'])}ExitStatus=${random.one(['0 3', '3', 'SIGKILL'])}`,
    ]),
  ),
  watchdog: singleService((_, random) => restarting(random, [...NOTIFY, READY, 'WatchdogSec=300ms'])),
  late: singleService((_, random) =>
    restarting(random, ['Type=notify', 'ExecStart=/bin/sleep infinity', 'TimeoutStartSec=200ms']),
  ),
  stubborn: singleService((_, random) => restarting(random, [STUBBORN, 'TimeoutStopSec=200ms'])),
  brief: singleService((_, random) => restarting(random, [random.one([SLEEP, SHELL]), 'RuntimeMaxSec=300ms'])),
  dynamic: singleService((_, random) => restarting(random, ['DynamicUser=yes', SLEEP])),
  nowhere: singleService((_, random) => restarting(random, ['WorkingDirectory=/nowhere', SLEEP])),
  named: singleService((_, random) =>
    restarting(random, ['Type=dbus', 'BusName=org.freedesktop.hostname1', 'ExecStart=/lib/systemd/systemd-hostnamed']),
  ),
  limit: singleService((_, random) => ({
    unit: ['StartLimitIntervalSec=2', `StartLimitBurst=${random.whole(1, 5)}`],
    service: [`Restart=${random.one(['always', 'on-failure'])}`, 'RestartSec=0', `ExecStart=${random.one(ENDS)}`],
  })),
  template: (name, random) => ({
    files: { [`${name}@.service`]: service(restarting(random, [SHELL]), random) },
    watched: [`${name}@a.service`, `${name}@b.service`],
    shellLines: [],
  }),
  timer: (name, random) => ({
    files: {
      [`${name}.timer`]: '[Timer]\nOnActiveSec=50ms\nOnUnitInactiveSec=150ms\nAccuracySec=1ms\n',
      [`${name}.service`]: service({ unit: [], service: ['Type=oneshot', `ExecStart=${random.one(ENDS)}`] }, random),
    },
    watched: [`${name}.timer`, `${name}.service`],
    shellLines: [],
  }),
  socket: (name, random) => ({
    files: {
      [`${name}.socket`]: `[Socket]\nListenStream=$SHARE/${name}.sock\n`,
      [`${name}.service`]: service(restarting(random, [SHELL]), random),
    },
    watched: [`${name}.socket`, `${name}.service`],
    // Any client would do; timeout(1) ends this one.
    shellLines: [`timeout 0.2 busctl --address=unix:path=$SHARE/${name}.sock list`],
  }),
  pair: (name, random) => ({
    files: {
      [`${name}-base.service`]: service(restarting(random, [SHELL]), random),
      [`${name}.service`]: service(
        {
          unit: [`${random.one(['BindsTo', 'Requires', 'PartOf'])}=${name}-base.service`, `After=${name}-base.service`],
          service: [`Restart=${random.one(['no', 'always', 'on-failure'])}`, 'RestartSec=50ms', SHELL],
        },
        random,
      ),
    },
    watched: [`${name}-base.service`, `${name}.service`],
    shellLines: [],
  }),
  transient: (name, random) => ({
    files: {},
    watched: [`${name}.service`],
    shellLines: [
      `systemd-run --quiet --no-block --unit=${name} ${random.one(['', '--collect', '-p Restart=on-failure'])} ${random.one(['sleep 1000', 'sleep 0.1', 'false'])}`,
    ],
  }),
  target: (name) => ({
    files: { [`${name}.target`]: unitText({ unit: ['Description=A target'], service: [] }) },
    watched: [`${name}.target`],
    shellLines: [],
  }),
}
