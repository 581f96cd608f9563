// JSON Schemas of the API's responses, for the description at /api/v1/openapi.json. Fields may be added.
import { CHECK_NAMES } from '../../core/health.ts'
import type { Json } from '../../core/views/api-json.ts'
import { cause, EVENTS, EVIDENCE } from './event-schemas.ts'
import { count, flag, list, mapOf, object, oneOf, orNull, ratio, ref, text, time } from './schema-types.ts'

const shortCause = { result: text, exit_code: orNull(count), signal: orNull(text) }

const state = {
  service: text,
  load_state: orNull(text),
  active_state: { ...text, description: 'ActiveState of systemd, unloaded, or unknown' },
  sub_state: orNull(text),
  since: orNull(time),
  frozen: orNull({ ...flag, description: 'the processes of the unit are paused' }),
}

const unit = {
  ...state,
  missing: orNull(text),
  running: orNull(flag),
  invocation_id: orNull(text),
  flapping: orNull(flag),
  gave_up: orNull(flag),
  counters: ref('Counters'),
  baseline: ref('Counters'),
  failures: mapOf(object({ unrequested: count, requested: count })),
  start_jobs_failed: mapOf({ ...count, description: 'start jobs that ended without a run, by job result' }),
  last_crash: orNull(object({ timestamp: time, ...cause, requested: flag })),
}

/** What systemd shows of a unit. */
const facts = {
  'description?': text,
  'file_state?': orNull(text),
  'active_entered?': orNull(time),
  'cause?': orNull(object(shortCause, 'why the last run failed')),
  'result?': orNull(text),
  'exit_code?': orNull(count),
  'signal?': orNull(text),
  'triggered_by?': list(object({ unit: text, active_state: text, next: orNull(time) })),
  'main_pid?': orNull(count),
  'restarts?': orNull({ ...count, description: 'automatic restarts since it was last started by a job' }),
  'memory_bytes?': orNull(count),
  'cpu_seconds?': orNull(ratio),
  'tasks?': orNull(count),
  'file?': orNull(text),
  'drop_ins?': list(text),
  'dependencies?': { ...mapOf(list(text)), description: 'units by kind (Requires, WantedBy, ...), in both directions' },
  'user?': orNull(text),
  'working_directory?': orNull(text),
  'commands?': list(object({ setting: text, line: text })),
  'environment_names?': list({ ...text, description: 'a name without its value' }),
  'environment_files?': list(text),
}

const history = object(
  {
    days: {
      ...list(
        object({ day: { type: 'string', format: 'date' }, starts: count, stops: count, crashes: count, lost: count }),
      ),
      description: 'the last 30 days (UTC) on which anything was counted, oldest first',
    },
    signatures: {
      ...list(object({ signature: text, ...cause, count, 'first?': time, 'last?': time })),
      description: 'crashes with the same signature, at most 8, the one that occurred last first',
    },
  },
  'What was counted while the clock was not synchronised is absent until it is.',
)

export const SCHEMAS: Readonly<Record<string, Json>> = {
  Error: object({ error: object({ code: text, message: text }) }, '`code` is for programs, `message` for people.'),
  Explanation: object({
    service: { ...orNull(text), description: 'null: the agent itself' },
    event: orNull(ref('Event')),
    sentences: list(text),
    timeline: {
      ...list(object({ id: text, timestamp: time, ms_before: count, 'service?': text, event: text, text })),
      description: 'events of all watched units in the last minute before the event, which is the last entry',
    },
    timeline_left_out: { ...count, description: 'earlier entries of this minute that were left out' },
    'frames?': list(text),
    'log?': list(text),
  }),
  Counters: object(
    { starts: count, stops: count, crashes: count, restarts: count, lost: count },
    'starts = stops + crashes + lost + (1 if running); imported baselines are not part of this equation.',
  ),
  Unit: object(
    unit,
    'While active_state is unknown, the other facts about the current state are null; counters remain.',
  ),
  UnitDetails: {
    description:
      'Without authentication over TCP, only the fields of Unit. Else also the history, and what systemd shows, absent if it does not respond in time or was queried too often; commands, environment and directory only over the local socket.',
    anyOf: [
      object({ ...unit, 'watched?': { const: true }, 'history?': history, ...facts }),
      object({ ...state, watched: { const: false }, ...facts }),
    ],
  },
  Evidence: EVIDENCE,
  Units: object({ units: list(ref('Unit')) }),
  ListedUnits: object({
    units: list(
      object({
        service: text,
        description: text,
        load_state: text,
        active_state: text,
        sub_state: text,
        watched: { ...flag, description: 'true: also in the list of watched units' },
      }),
    ),
  }),
  Check: object(
    { name: oneOf(...CHECK_NAMES), healthy: flag, message: text, since: time },
    'Only checks of what is configured exist. `since`: when it changed between healthy and unhealthy.',
  ),
  Ready: object(
    { ready: flag, checks: list(ref('Check')) },
    'Some checks are warnings: the agent is ready without them.',
  ),
  Status: object({
    version: text,
    gateway_id: text,
    machine_id: text,
    boot_id: text,
    stream: text,
    started_at: time,
    listening: orNull(text),
    bus: object({ connected: flag, problem: orNull(text) }),
    state: object({
      path: text,
      problem: orNull(text),
      volatile: flag,
      commits: count,
      bytes_written: count,
      file_system: text,
      commit_bytes: { ...count, description: 'What a commit costs on this file system that no other one is close to.' },
      commit_advice: orNull(text),
      commit_within: {
        type: 'number',
        minimum: 0,
        description:
          'Seconds: the longest time that a change waits for its commit now; more than flush_interval while flash_bytes_per_day is used up.',
      },
      last_commit: orNull(time),
    }),
    mqtt: orNull(
      object({
        connected: flag,
        problem: orNull(text),
        queued: count,
        published: count,
        reconnects: count,
        dropped: mapOf(count),
        refused: mapOf(count),
      }),
    ),
    remote_write: orNull(
      object({
        problem: orNull(text),
        pending: count,
        sent: count,
        failed: count,
        dropped: mapOf(count),
        last_success: orNull(time),
      }),
    ),
    unmatched_patterns: list(
      object({ pattern: text, reason: text }, 'a configured pattern that matches no unit, or only aliases'),
    ),
    missing_evidence: list({ ...text, description: 'what is missing because the journal cannot be read' }),
    checks: list(ref('Check')),
    not_ready: list(text),
    control: orNull(object({ units: list(text) })),
    units: list(ref('Unit')),
  }),
  System: object({
    state: text,
    systemd_version: text,
    failed_units: count,
    jobs: count,
    failed: list(text),
    queue: list(object({ id: count, unit: text, type: text, state: text })),
    boot_seconds: mapOf(orNull({ type: 'number', minimum: 0 })),
    host: object({
      memory_used_ratio: orNull(ratio),
      cpu_used_ratio: orNull(ratio),
      disks: list(object({ path: text, used_ratio: ratio })),
      flash: list(object({ device: text, life_used_ratio: ratio })),
    }),
  }),
  Event: { oneOf: EVENTS },
  StateMessage: object(
    { state: object({ service: text, active_state: text, sub_state: orNull(text), since: orNull(time) }) },
    'A unit has changed its state. The fields are those of Unit; `since` is null also where systemd did not report the time.',
  ),
  Events: object({
    events: list(ref('Event')),
    next: { ...text, description: 'value of `since` for the next page' },
    dropped: {
      ...count,
      description: 'events between `since` and the end of this page that are no longer stored',
    },
  }),
  CommandResult: object({
    service: text,
    action: text,
    outcome: oneOf('done', 'skipped', 'queued', 'failed', 'canceled', 'timeout', 'dependency'),
    cause: orNull(object(shortCause)),
  }),
  UnitFilesReloaded: object({ action: { const: 'daemon-reload' }, outcome: { const: 'done' } }),
  Cleared: object({ cleared: count }),
  Imported: object({ imported: list(text), not_watched: list(text) }),
}
