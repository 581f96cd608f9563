// Why a start job ended without a run, by its result (org.freedesktop.systemd1(5), JobRemoved).
import type { Event } from '../event.ts'
import { timeText } from './end-sentences.ts'
import type { ExplanationInput } from './explanation-input.ts'

const REASONS: Readonly<Record<string, string>> = {
  dependency: 'a unit that it needs did not start',
  assert: 'an Assert...= setting of its unit file was not met',
  timeout: 'its start job waited longer than JobTimeoutSec=',
  canceled: 'its start job was canceled before it ran',
  unsupported: 'systemd does not support units of its type on this gateway',
  'start-limit-hit': 'it had been started too often (StartLimitBurst=, StartLimitIntervalSec=)',
}

export function refusedSentence(
  { result, unit, atMs }: Extract<Event, { readonly kind: 'start_refused' }>,
  { now }: ExplanationInput,
): string {
  const reason = Object.hasOwn(REASONS, result) ? REASONS[result] : `the job result was ${result}`
  return `${unit} did not start at ${timeText(atMs, now.wallMs)}: ${reason}.`
}
