// Unit files as text: sections, restart settings by chance, and the line that writes down how a run ended.
import type { Chance } from './chance.ts'

export interface Sections {
  readonly unit: readonly string[]
  readonly service: readonly string[]
}

const RESTARTS = ['no', 'always', 'on-success', 'on-failure', 'on-abnormal', 'on-abort', 'on-watchdog']

/** The service with Restart= in any of its forms, and with a start limit where it could restart without a pause. */
export function restarting(by: Chance, lines: readonly string[], type?: 'oneshot'): Sections {
  const forms = RESTARTS.filter((form) => type !== 'oneshot' || (form !== 'always' && form !== 'on-success'))
  const restart = by.percent(40) ? by.one(['on-failure', type === 'oneshot' ? 'no' : 'always']) : by.one(forms)
  const pause = by.one(['0', '20ms', '20ms', '100ms', '100ms', '400ms'])
  const limit =
    pause === '0' || by.percent(30) ? ['StartLimitIntervalSec=3', `StartLimitBurst=${by.whole(2, 6)}`] : NONE
  return { unit: limit, service: [`Restart=${restart}`, `RestartSec=${pause}`, ...lines] }
}

const NONE = ['StartLimitIntervalSec=0']

/** The text of a service; three of four write how each run ended to `$SHARE/ends`. */
export function service(sections: Sections, by: Chance): string {
  const told = by.percent(75) ? [TELL_THE_END] : []
  return unitText({ unit: sections.unit, service: [...sections.service, ...told, 'TimeoutStopSec=2'].filter(Boolean) })
}

/** Whoever the service runs as, the line is written by root (`+`). */
const TELL_THE_END = `ExecStopPost=+/bin/sh -c 'echo "%n $INVOCATION_ID $SERVICE_RESULT $EXIT_CODE $EXIT_STATUS" >>$SHARE/ends'`

export function unitText({ unit, service }: Sections): string {
  // The last TimeoutStopSec= would win: the one of the kind comes first and is kept.
  const stop = service.find((line) => line.startsWith('TimeoutStopSec='))
  const lines = service.filter((line) => !line.startsWith('TimeoutStopSec=') || line === stop)
  return `${['[Unit]', ...unit, ...(service.length > 0 ? ['[Service]', ...lines] : [])].join('\n')}\n`
}

/** What the kinds run, by file name. */
export const SCRIPTS: Readonly<Record<string, string>> = {
  'main.sh': "trap 'exit 0' USR1\ntrap 'exit 3' USR2\nwhile :; do sleep 1000 & wait $!; done\n",
  'stubborn.sh': "trap '' TERM USR1 USR2\nwhile :; do sleep 1; done\n",
  'ready.sh': 'systemd-notify --ready\nexec sleep 1000\n',
}
