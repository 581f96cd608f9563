// JSON Schemas of the events, one for each kind. Fields may be added.
import type { Json } from '../../core/views/api-json.ts'
import { count, flag, list, mapOf, object, oneOf, orNull, ref, text, time } from './schema-types.ts'

export const cause = { result: text, exit_code: orNull(count), signal: orNull(text), core_dumped: flag }
const change = { from_state: text, to_state: text, sub_state: text }

/** An event of these kinds about a unit; `own` are the fields that only they have. */
function event(kinds: readonly string[], own: Readonly<Record<string, Json>>, description: string): Json {
  return object({ ...agentFields(kinds, own), service: text, counters: ref('Counters') }, description)
}

/** The fields of an event of the agent itself, which all other events have, too. */
function agentFields(kinds: readonly string[], own: Readonly<Record<string, Json>>): Readonly<Record<string, Json>> {
  return {
    schema: { const: 1 },
    id: { ...text, description: '<stream>-<seq>' },
    seq: count,
    event: oneOf(...kinds),
    timestamp: time,
    gateway_id: text,
    machine_id: text,
    boot_id: text,
    ...own,
    source: oneOf('signal', 'reconcile'),
    replayed: flag,
    clock_synced: orNull(flag),
    'seq_gap?': count,
  }
}

/** What ended the run, if another unit did. */
const end = {
  'because?': object({ unit: text, relation: text }, "Proven by systemd's graph and the jobs of one transaction."),
  'after?': object(
    { unit: text, event: oneOf('stop', 'crash', 'lost'), ms: count },
    'Another unit with a dependency or ordering that ended within 2 s before. Not a proof.',
  ),
}

export const EVIDENCE = object(
  {
    'ran_ms?': count,
    'first_run_of_boot?': { const: true },
    'same_cause_24h?': {
      ...count,
      description: 'crashes with this cause in this hour and the 23 before it (UTC), this one included',
    },
    'same_cause_7d?': { ...count, description: 'the same on this day and the 6 before it' },
    'memory?': object({ 'limit?': count, 'peak?': count, 'last_seen?': count }, 'In bytes.'),
    'status_text?': text,
    'resources?': object({
      'cpu_ms?': count,
      'memory_peak?': count,
      'io_read_bytes?': count,
      'io_write_bytes?': count,
      'ip_received_bytes?': count,
      'ip_sent_bytes?': count,
    }),
    'oom?': object({ by: oneOf('kernel', 'systemd-oomd'), 'process?': text, 'bytes?': count, 'limit_of?': text }),
    'coredump?': object({ 'executable?': text, 'signal?': text, frames: list(text) }),
    'file_changed_ms?': count,
    'signature?': { ...text, description: 'the same fault has the same signature on every gateway' },
  },
  'A part that is not known is absent.',
)

export const EVENTS: readonly Json[] = [
  event(['start', 'restart'], { ...change, invocation_id: orNull(text) }, 'A run started.'),
  event(['stop'], { ...change, ...cause, invocation_id: text, requested: flag, ...end }, 'A run ended successfully.'),
  event(
    ['crash'],
    {
      ...change,
      ...cause,
      invocation_id: orNull(text),
      requested: flag,
      will_restart: orNull(flag),
      ...end,
      'evidence?': ref('Evidence'),
      'log?': list(text),
    },
    'A run failed. `log`, `evidence` and, of every end, `because` and `after` are sent only to authenticated clients and over the local socket.',
  ),
  event(['lost'], { invocation_id: orNull(text), ...end }, 'A run ended unobserved.'),
  event(
    ['evidence'],
    {
      of: { ...text, description: 'id of the crash or, if only because is new, of another end' },
      evidence: ref('Evidence'),
      ...end,
    },
    'What became known about a crash after its event was published. `evidence` is empty for clients without authentication.',
  ),
  event(['gave_up'], { ...change, result: text }, 'The unit failed, and systemd will not restart it.'),
  event(
    ['flapping'],
    { flapping: flag, crashes_in_window: count, window_seconds: count },
    'The unit crashes repeatedly, or has stopped doing so.',
  ),
  event(
    ['summary'],
    {
      starts: count,
      stops: count,
      crashes: count,
      restarts: count,
      lost: count,
      by_result: mapOf(count),
      first_timestamp: time,
      last_timestamp: time,
    },
    'Replaces the single events of a unit while it ends more than 120 times in 60 s.',
  ),
  event(
    ['start_refused'],
    {
      result: { ...text, description: "systemd's job result (dependency, timeout, canceled, ...) or start-limit-hit" },
    },
    'A start job ended without a run.',
  ),
  event(
    ['unit_appeared', 'unit_vanished'],
    { load_state: text },
    'systemd can now load the unit, or can no longer load it.',
  ),
  event(
    ['command'],
    { action: text, outcome: text, via: text, who: orNull(text) },
    'A command for the unit was sent to systemd.',
  ),
  object(
    agentFields(['command'], { action: oneOf('clear'), outcome: oneOf('done'), via: text, who: orNull(text) }),
    'The counters were set to zero and the stored events cleared, unless they were to be kept.',
  ),
  object(
    agentFields(['identity_changed'], { former_gateway_id: orNull(text), former_machine_id: text }),
    'The state file came from another machine. A new stream begins, and the counters are the baseline of every unit.',
  ),
]
