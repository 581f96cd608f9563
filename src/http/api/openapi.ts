// The API described for programs, served at /api/v1/openapi.json. A test holds it against the table and the answers.
import type { Json } from '../../core/api-json.ts'
import { ACTIONS } from '../../core/command.ts'
import { EVENT_KINDS } from '../../core/event.ts'
import { ref, SCHEMAS, text } from './schemas.ts'

const answer = (type: string, schema: Json, description: string): Json => ({
  description,
  content: { [type]: { schema } },
})
const asJson = (name: string, description: string) => answer('application/json', ref(name), description)
const asText = (description: string) => answer('text/plain', text, description)
const ERROR = asJson('Error', 'What is wrong.')

const inQuery = (name: string, description: string, schema: Json = text): Json => ({
  ...{ name, in: 'query', description, schema },
})
const repeated = (items: Json): Json => ({ type: 'array', items })
const UNIT: Json = { name: 'unit', in: 'path', required: true, description: 'A bare name is a service.', schema: text }
const SINCE = inQuery('since', 'Id of the last event seen; an unknown stream means everything.')
const FILTER = [
  inQuery('unit', 'Only of these units; repeated or comma-separated.', repeated(text)),
  inQuery('kind', 'Only of these kinds.', repeated({ type: 'string', enum: EVENT_KINDS })),
]

const get = (summary: string, said: Json, more: Json = {}): Json => {
  const { responses, ...rest } = more as { responses?: Json }
  return { get: { summary, ...rest, responses: { 200: said, default: ERROR, ...responses } } }
}
const post = (summary: string, said: Json, more: Json = {}): Json => {
  const { responses, ...rest } = more as { responses?: Json }
  return { post: { summary, ...rest, responses: { 200: said, default: ERROR, ...responses } } }
}

const PATHS: Json = {
  '/': get('The dashboard for browsers, a list of the paths for others', asText('A page.')),
  '/metrics': get('Metrics, as text 0.0.4 or OpenMetrics by Accept', asText('The exposition.')),
  '/federate': get('The series that selectors choose', asText('The exposition, untyped.'), {
    parameters: [inQuery('match[]', 'Selectors, joined by "or".', repeated(text))],
  }),
  '/-/healthy': get('Whether the agent runs', asText('It does.')),
  '/-/ready': get('Whether all is well', asText('It is.'), { responses: { 503: asText('The reasons, one a line.') } }),
  '/api/v1/openapi.json': get('This description', answer('application/json', { type: 'object' }, 'OpenAPI 3.1.')),
  '/api/v1/status': get('The agent and its units', asJson('Status', 'How it is.')),
  '/api/v1/units': get('The watched units', asJson('Units', 'All of them.')),
  '/api/v1/units/{unit}': get('One watched unit', asJson('Unit', 'How it is.'), { parameters: [UNIT] }),
  '/api/v1/units/{unit}/{action}': post('Operate a unit', asJson('Ordered', 'What became of it.'), {
    description:
      'Only with control.enabled, and by TCP with the bearer token and by TLS or from the gateway itself. What systemd was asked is an event of the kind command, whatever became of it.',
    security: [{ token: [] }],
    parameters: [
      UNIT,
      {
        ...{ name: 'action', in: 'path', required: true },
        schema: { type: 'string', enum: ACTIONS.filter((action) => action !== 'enable' && action !== 'disable') },
      },
      inQuery('wait', 'false: answer 202 at once.', { type: 'string', enum: ['false', 'true'] }),
    ],
    responses: { 202: asJson('Ordered', 'It is queued.') },
  }),
  '/api/v1/system': get('systemd as a whole, and how full the gateway is', asJson('System', 'How it is.')),
  '/api/v1/events': get('Recent events, oldest first', asJson('Events', 'A page of them.'), {
    description: 'Without `since` the newest ones. By TCP a page has 500 at most; `next` is the way on.',
    parameters: [SINCE, inQuery('limit', 'At most so many.', { type: 'integer', minimum: 1 }), ...FILTER],
  }),
  '/api/v1/stream': get('Events as they happen', answer('text/event-stream', text, 'One Event each.'), {
    description:
      'Server-sent events; Last-Event-ID or `since` resumes, and what was missed for good is told as `dropped`.',
    parameters: [SINCE, ...FILTER],
  }),
  '/api/v1/ws': {
    get: {
      summary: 'The same by WebSocket, one Event a message',
      parameters: [SINCE, ...FILTER],
      responses: { 101: { description: 'The stream begins.' }, default: ERROR },
    },
  },
  '/api/v1/clear': post('Set all counters to zero (local socket only)', asJson('Cleared', 'Done.')),
  '/api/v1/import': post('Take over counts as baselines (local socket only)', asJson('Imported', 'Done.'), {
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
        'Watches systemd units. The local socket serves the same paths. Names that are there stay; new ones may come.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    paths: PATHS,
    components: {
      schemas: SCHEMAS,
      securitySchemes: {
        password: { type: 'http', scheme: 'basic', description: 'Where web_config_file asks for one.' },
        token: { type: 'http', scheme: 'bearer', description: 'The one in control.token_file.' },
      },
    },
  }
}
