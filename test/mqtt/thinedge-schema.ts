// What thin-edge.io's documentation requires of the messages of a service, transcribed; the fields that its mapper for Cumulocity
// would treat in another way count as faults, too.
// https://thin-edge.github.io/thin-edge.io/references/mqtt-api/ (topics, registration), .../operate/entity-management/mqtt_api/
// (keys of a registration), .../operate/c8y/health-monitoring/ (health), .../start/raise-alarm/, .../start/send-events/

export interface TedgeMessage {
  readonly topic: string
  readonly payload: string
  readonly retain: boolean
}

type Fields = Readonly<Record<string, (value: unknown) => boolean>>

const isText = (value: unknown) => typeof value === 'string' && value !== ''
/** RFC 3339, or seconds since 1970. */
const isTime = (value: unknown) =>
  typeof value === 'number' ||
  (typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(value))
const isPid = (value: unknown) => typeof value === 'number' && Number.isInteger(value) && value > 0

interface Kind {
  /** A message of state must be retained, an event must not. */
  readonly retain: boolean
  /** An empty payload removes it. */
  readonly removable: boolean
  readonly required: Fields
  readonly optional: Fields
  /** Other keys are allowed. */
  readonly others: boolean
}

const SEVERITIES = ['critical', 'major', 'minor', 'warning']

/** By the category of the channel (the level after the identifier). */
const KINDS: Readonly<Record<string, Kind>> = {
  // Further keys become twin data of the service, in topics of their own; keys with @ are reserved.
  '': {
    retain: true,
    removable: true,
    required: { '@type': (type) => type === 'service' },
    optional: { '@parent': isText, '@id': isText, name: isText, type: isText },
    others: false,
  },
  // "The status here can be up or down or any other string. For example, unknown." Only `status` is read.
  status: {
    retain: true,
    removable: true,
    required: { status: isText },
    optional: { pid: isPid, time: isTime },
    others: true,
  },
  // Any other field than these makes the mapper forward the alarm or the event as JSON instead of SmartREST.
  a: {
    retain: true,
    removable: true,
    required: { text: isText, severity: (severity) => SEVERITIES.includes(String(severity)) },
    optional: { time: isTime },
    others: false,
  },
  e: { retain: false, removable: false, required: { text: isText }, optional: { time: isTime }, others: false },
}

/** What is wrong with a message on a topic of a service of the main device; empty if nothing. */
export function faults({ topic, payload, retain }: TedgeMessage): string[] {
  const [root, device, main, service, name, ...channel] = topic.split('/')
  const kind = KINDS[channel[0] ?? '']
  const [category = '', type] = channel
  const levels = category === '' ? 0 : 2
  if (`${root}/${device}/${main}/${service}` !== 'te/device/main/service' || !name || /[+#\0]/.test(name))
    return [`${topic}: not a service of the main device`]
  if (kind === undefined || channel.length !== levels || (category === 'status' && type !== 'health'))
    return [`${topic}: not a channel`]
  const wrong: string[] = []
  if (retain !== kind.retain) wrong.push(kind.retain ? 'not retained' : 'retained')
  if (payload === '') return kind.removable ? wrong : [...wrong, 'empty']
  const fields = JSON.parse(payload) as Record<string, unknown>
  const known = { ...kind.required, ...kind.optional }
  for (const key of Object.keys(kind.required)) if (!(key in fields)) wrong.push(`${key} is missing`)
  for (const [key, value] of Object.entries(fields)) {
    const isValid = known[key]
    if (isValid === undefined ? !kind.others || key.startsWith('@') : !isValid(value)) wrong.push(key)
  }
  return wrong
}
