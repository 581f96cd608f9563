// Builds unit files: sections, random restart settings, and the ExecStopPost= line that records how a run ended.
import type { Random } from './random.ts'

export interface Sections {
  readonly unit: readonly string[]
  readonly service: readonly string[]
}

const RESTARTS = ['no', 'always', 'on-success', 'on-failure', 'on-abnormal', 'on-abort', 'on-watchdog']

/** A service with a random Restart= setting, and with a start limit if it could restart without a pause. */
export function restarting(random: Random, lines: readonly string[], type?: 'oneshot'): Sections {
  const forms = RESTARTS.filter((form) => type !== 'oneshot' || (form !== 'always' && form !== 'on-success'))
  const restart = random.percent(40)
    ? random.one(['on-failure', type === 'oneshot' ? 'no' : 'always'])
    : random.one(forms)
  const pause = random.one(['0', '20ms', '20ms', '100ms', '100ms', '400ms'])
  const limit =
    pause === '0' || random.percent(30)
      ? ['StartLimitIntervalSec=3', `StartLimitBurst=${random.whole(2, 6)}`]
      : NO_START_LIMIT
  return { unit: limit, service: [`Restart=${restart}`, `RestartSec=${pause}`, ...lines] }
}

export const NO_START_LIMIT = ['StartLimitIntervalSec=0']

/** The text of a service; three of four record in `$SHARE/ends` how each run ended, one of four its start in `$SHARE/starts`. */
export function service(sections: Sections, random: Random): string {
  const recordsEnd = random.percent(75) ? [RECORD_END] : []
  const recordsStart = random.percent(25) ? [RECORD_START] : []
  return unitText({
    unit: sections.unit.filter(Boolean),
    service: [...sections.service, ...recordsStart, ...recordsEnd, 'TimeoutStopSec=2'].filter(Boolean),
  })
}

/** `+`: writes as root, whatever user the service runs as. */
const RECORD_END = `ExecStopPost=+/bin/sh -c 'echo "%n $INVOCATION_ID $SERVICE_RESULT $EXIT_CODE $EXIT_STATUS" >>$SHARE/ends'`

const RECORD_START = `ExecStartPre=+/bin/sh -c 'echo "%n $INVOCATION_ID" >>$SHARE/starts'`

export function unitText({ unit, service }: Sections): string {
  // systemd uses the last TimeoutStopSec=; keep only the first, which belongs to the kind.
  const stop = service.find((line) => line.startsWith('TimeoutStopSec='))
  const lines = service.filter((line) => !line.startsWith('TimeoutStopSec=') || line === stop)
  return `${['[Unit]', ...unit, ...(service.length > 0 ? ['[Service]', ...lines] : [])].join('\n')}\n`
}

/** The programs that the unit kinds run, by file name. */
export const SCRIPTS: Readonly<Record<string, string>> = {
  'main.sh': "trap 'exit 0' USR1\ntrap 'exit 3' USR2\nwhile :; do sleep 1000 & wait $!; done\n",
  'stubborn.sh': "trap '' TERM USR1 USR2\nwhile :; do sleep 1; done\n",
  'ready.sh': 'systemd-notify --ready\nexec sleep 1000\n',
}
