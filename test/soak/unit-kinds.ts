// The kinds of units in the soak test, each with random settings: what gateways run, and the ways in which it fails.
import type { Random } from './random.ts'
import { NO_START_LIMIT, restarting, type Sections, service, unitText } from './unit-text.ts'

/** One or more units that belong together: their files, which of them are watched, and further actions. */
export interface DrivenUnits {
  readonly files: Readonly<Record<string, string>>
  /** Names, and patterns of names that systemd chooses. */
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

/** Whether something starts the unit because another run of it ended: an upholder, a timer, a socket, a path. */
export function isStartedByOthers(unit: string): boolean {
  return /^k-(upholds|timer|socket|path)\.service$/.test(unit)
}

/** Units that something else starts. Every seed has some of them. */
export const STARTED_BY_OTHERS: Readonly<Record<string, Kind>> = {
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
  path: (name, random) => ({
    files: {
      [`${name}.path`]: `[Path]\n${random.one(['PathChanged', 'PathModified', 'PathExists'])}=$SHARE/${name}.changed\n`,
      [`${name}.service`]: service({ unit: [], service: ['Type=oneshot', `ExecStart=${random.one(ENDS)}`] }, random),
    },
    watched: [`${name}.path`, `${name}.service`],
    shellLines: [`echo >>$SHARE/${name}.changed`, `rm -f $SHARE/${name}.changed`],
  }),
  accept: (name, random) => ({
    files: {
      [`${name}.socket`]: `[Socket]\nListenStream=$SHARE/${name}.sock\nAccept=yes\n`,
      [`${name}@.service`]: service(
        {
          unit: [random.one(['', 'CollectMode=inactive-or-failed'])],
          service: ['StandardInput=socket', `ExecStart=${random.one([...ENDS, '/bin/cat'])}`],
        },
        random,
      ),
    },
    watched: [`${name}.socket`, `${name}@*.service`],
    shellLines: [
      `for i in 1 2 3; do timeout 0.3 busctl --address=unix:path=$SHARE/${name}.sock list & done >/dev/null`,
      `timeout 0.1 busctl --address=unix:path=$SHARE/${name}.sock list`,
    ],
  }),
  upholds: (name, random) => ({
    files: {
      [`${name}.target`]: `[Unit]\nUpholds=${name}.service\n`,
      [`${name}.service`]: service(
        {
          unit: [random.one(['', ...NO_START_LIMIT])],
          service: [
            `Restart=${random.one(['no', 'on-failure'])}`,
            `ExecStart=${random.one(['/bin/sh $SHARE/main.sh', ...ENDS])}`,
          ],
        },
        random,
      ),
    },
    watched: [`${name}.target`, `${name}.service`],
    shellLines: [`systemctl --no-block start ${name}.target`],
  }),
  /** Instances whose start waits for another unit, which can fail, last too long, or end at once. */
  waits: (name, random) => ({
    files: {
      [`${name}-first.service`]: service(
        {
          unit: [],
          service: [
            'Type=oneshot',
            `RemainAfterExit=${random.one(['yes', 'no'])}`,
            `ExecStart=${random.one(['/bin/sleep 0.3', '/bin/sleep 3', '/bin/sh -c "sleep 0.2; exit 1"', '/bin/false'])}`,
          ],
        },
        random,
      ),
      [`${name}@.service`]: service(
        {
          unit: [
            `${random.one(['Requires', 'Requires', 'BindsTo', 'Wants', 'Requisite'])}=${name}-first.service`,
            `After=${name}-first.service`,
            random.one(['', '', 'JobTimeoutSec=150ms']),
          ],
          service: [`Restart=${random.one(['no', 'always', 'on-failure'])}`, 'RestartSec=100ms', SHELL],
        },
        random,
      ),
    },
    watched: [`${name}-first.service`, `${name}@x.service`, `${name}@y.service`],
    shellLines: [`systemctl --no-block start ${name}@x.service ${name}@y.service`],
  }),
}
