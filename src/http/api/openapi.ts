// The OpenAPI description, served at /api/v1/openapi.json. A test compares it with the routes and the responses.

import { ACTIONS } from '../../core/command.ts'
import { EVENT_KINDS } from '../../core/event.ts'
import type { Json } from '../../core/views/api-json.ts'
import { ref, text } from './schema-types.ts'
import { SCHEMAS } from './schemas.ts'

const response = (type: string, schema: Json, description: string): Json => ({
  description,
  content: { [type]: { schema } },
})
const asJson = (name: string, description: string) => response('application/json', ref(name), description)
const asText = (description: string) => response('text/plain', text, description)
/** Text, or JSON where Accept prefers it. */
const asEither = (name: string, description: string): Json => ({
  description,
  content: { 'text/plain': { schema: text }, 'application/json': { schema: ref(name) } },
})
const ERROR = asJson('Error', 'The request failed.')

const inQuery = (name: string, description: string, schema: Json = text): Json => ({
  name,
  in: 'query',
  description,
  schema,
})
const repeated = (items: Json): Json => ({ type: 'array', items })
const UNIT: Json = {
  name: 'unit',
  in: 'path',
  required: true,
  description: 'Unit name; a bare name means a service.',
  schema: text,
}
const ACTION: Json = {
  name: 'action',
  in: 'path',
  required: true,
  schema: { type: 'string', enum: ACTIONS },
}
const SINCE = inQuery('since', 'Id of the last event received; an id of an unknown stream returns all events.')
const FILTER = [
  inQuery(
    'unit',
    'Only events of these units: names or patterns such as sink@*; repeated or comma-separated.',
    repeated(text),
  ),
  inQuery(
    'kind',
    'Only events of these kinds; repeated or comma-separated.',
    repeated({ type: 'string', enum: EVENT_KINDS }),
  ),
]

const STATES = inQuery(
  'states',
  '1: also send states; 0: do not. By default 1 over server-sent events without `kind`, else 0.',
  { type: 'string', enum: ['0', '1'] },
)
const ALL_UNITS = inQuery(
  'units',
  'all: all units that systemd has loaded, with less about each. Only over the local socket or with authentication (401, 403).',
  { type: 'string', enum: ['all'] },
)

const operation = (summary: string, success: Json, more: Json): Json => {
  const { responses, ...rest } = more as { responses?: Json }
  return { summary, ...rest, responses: { 200: success, default: ERROR, ...responses } }
}
const get = (summary: string, success: Json, more: Json = {}): Json => ({ get: operation(summary, success, more) })
const post = (summary: string, success: Json, more: Json = {}): Json => ({ post: operation(summary, success, more) })

const ONLY_TRUSTED = 'Over TCP only for authenticated clients. The sentences are for people, and may change.'

const PATHS: Json = {
  '/': get('The dashboard for browsers, a list of paths for other clients', asText('The page or the list.')),
  '/metrics': get('Metrics, as text 0.0.4 or OpenMetrics depending on Accept', asText('The exposition.')),
  '/federate': get('The series that the selectors match', asText('The exposition, untyped.'), {
    parameters: [inQuery('match[]', 'Series selectors; a series is returned if any of them matches.', repeated(text))],
  }),
  '/-/healthy': get('Liveness check', asText('The agent is running.')),
  '/-/ready': get('Readiness check', asEither('Ready', 'The agent is ready; the text lists any warnings.'), {
    responses: { 503: asEither('Ready', 'The agent is not ready; the text lists the reasons.') },
  }),
  '/api/v1/openapi.json': get('This description', response('application/json', { type: 'object' }, 'OpenAPI 3.1.')),
  '/api/v1/status': get('Health of the agent, and the watched units', asJson('Status', 'The current status.')),
  '/api/v1/units': get(
    'The watched units, or with units=all those that systemd has loaded',
    response('application/json', { anyOf: [ref('Units'), ref('ListedUnits')] }, 'The units.'),
    { parameters: [ALL_UNITS] },
  ),
  '/api/v1/units/{unit}': get('One unit', asJson('UnitDetails', 'Its state, and of a watched unit its counters.'), {
    description:
      'Over the local socket, and over TCP for authenticated clients, any unit that systemd can load; else only watched units.',
    parameters: [UNIT],
  }),
  '/api/v1/units/{unit}/explain': get(
    'Why a unit crashed, stopped or does not run, and what systemd will do next',
    asJson('Explanation', 'What is known, and what is not.'),
    { description: ONLY_TRUSTED, parameters: [UNIT] },
  ),
  '/api/v1/events/{id}/explain': get(
    'The same of one event',
    asJson('Explanation', 'What is known, and what is not.'),
    {
      description: ONLY_TRUSTED,
      parameters: [{ ...UNIT, name: 'id', description: 'Id of the event.' }],
    },
  ),
  '/api/v1/units/{unit}/{action}': post('Control a unit', asJson('CommandResult', 'The outcome of the command.'), {
    description:
      'enable and disable: only over the local socket of an agent that runs as root, else 403 `not_possible`. Requires control.enabled and, over TCP, the bearer token and either TLS or a connection from the gateway itself. Every command that is sent to systemd is recorded as an event of the kind command, whatever its outcome.',
    security: [{ token: [] }],
    parameters: [
      UNIT,
      ACTION,
      inQuery('wait', 'false: respond with 202 without waiting for the job.', {
        type: 'string',
        enum: ['false', 'true'],
      }),
    ],
    responses: { 202: asJson('CommandResult', 'The job is queued.') },
  }),
  '/api/v1/system': get(
    'systemd as a whole, and resource usage of the gateway',
    asJson('System', 'The current state.'),
  ),
  '/api/v1/events': get('Recent events, oldest first', asJson('Events', 'One page of events.'), {
    description:
      'Without `since`, the newest events. Over TCP, a page has at most 500 events; use `next` to get the following page.',
    parameters: [SINCE, inQuery('limit', 'Maximum number of events.', { type: 'integer', minimum: 1 }), ...FILTER],
  }),
  '/api/v1/stream': get('Live events and states', response('text/event-stream', text, 'One Event per message.'), {
    description:
      'Server-sent events. Last-Event-ID or `since` resumes the stream; missed events that are no longer stored are reported as `dropped`. Messages of the type `state` are StateMessages: without an id, only the newest of each unit, at most ten a second. They do not repeat what was before: get the states once the stream has begun, and apply the messages to them.',
    parameters: [SINCE, ...FILTER, STATES, ALL_UNITS],
  }),
  '/api/v1/ws': {
    get: {
      summary: 'Live events over WebSocket, one Event per message, and with states=1 one StateMessage',
      parameters: [SINCE, ...FILTER, STATES, ALL_UNITS],
      responses: { 101: { description: 'The stream starts.' }, default: ERROR },
    },
  },
  '/api/v1/daemon-reload': post(
    'Make systemd read all unit files again (local socket of an agent that runs as root; else 403 `not_possible`)',
    asJson('UnitFilesReloaded', 'systemd has read them. Requires control.enabled.'),
  ),
  '/api/v1/clear': post(
    'Set all counters to zero and clear the stored events (local socket only)',
    asJson('Cleared', 'The counters are zero. One `command` event without a unit has the action `clear`.'),
    {
      requestBody: {
        required: false,
        content: {
          'application/json': {
            schema: {
              type: 'object',
              properties: {
                keep_events: { type: 'boolean', description: 'Do not clear the stored events.' },
                log_file: { type: 'string', description: "Also empty this file, the agent's log_file or events_file." },
              },
            },
          },
        },
      },
    },
  ),
  '/api/v1/import': post('Import counts as baselines (local socket only)', asJson('Imported', 'The result.'), {
    requestBody: {
      required: true,
      content: { 'application/json': { schema: { type: 'object', additionalProperties: { type: 'object' } } } },
    },
  }),
}

export function openApi(version: string): Json {
  return {
    openapi: '3.1.0',
    info: {
      title: 'gatewatch',
      version,
      description:
        'Watches systemd units. The local socket serves the same paths. Existing names will not change; new ones may be added.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    paths: PATHS,
    components: {
      schemas: SCHEMAS,
      securitySchemes: {
        password: {
          type: 'http',
          scheme: 'basic',
          description: 'Required over TCP if web_config_file sets basic_auth_users.',
        },
        token: {
          type: 'http',
          scheme: 'bearer',
          description:
            'The token in control.token_file, over TLS or from the gateway itself. It also authenticates a client.',
        },
      },
    },
  }
}
