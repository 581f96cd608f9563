// A remote write receiver for tests: decodes each request, checks the rules for senders, and responds as the test wants.
import type { Post, WriteResponse } from '../../src/remote-write/options.ts'
import { type DecodedSeries, decodeWriteRequest, STALE } from './decode.ts'

export interface ReceivedRequest {
  /** The bytes of the body, in hex. */
  readonly body: string
  readonly bytes: number
  readonly series: readonly DecodedSeries[]
  /** The different times of its samples, in order. */
  readonly times: readonly number[]
  readonly status: number
}

export interface Receiver {
  readonly post: Post
  readonly requests: ReceivedRequest[]
  /** How it responds from now on; an error is a link that is down. */
  respond: (request: Omit<ReceivedRequest, 'status'>) => Partial<WriteResponse> | Error
  /** The accepted samples of a series, in the order of their arrival: `[ms, value]`, where null is a staleness mark. */
  samples(name: string, labels?: Readonly<Record<string, string>>): (readonly [number, number | null])[]
  /** The requests that did not fail. */
  accepted(): readonly ReceivedRequest[]
}

export const OK = { status: 204 }

export function createReceiver(): Receiver {
  const requests: ReceivedRequest[] = []
  const accepted = () => requests.filter(({ status }) => status >= 200 && status < 300)
  const receiver: Receiver = {
    requests,
    respond: () => OK,
    async post(body) {
      const series = decodeWriteRequest(body)
      checkRules(series)
      const times = [...new Set(series.flatMap(({ samples }) => samples.map(({ ms }) => ms)))].sort((a, b) => a - b)
      const request = { body: Buffer.from(body).toString('hex'), bytes: body.length, series, times }
      const response = receiver.respond(request)
      requests.push({ ...request, status: response instanceof Error ? 0 : (response.status ?? 204) })
      if (response instanceof Error) throw response
      return { status: 204, retryAfter: null, body: '', ...response }
    },
    samples(name, labels = {}) {
      const wanted = Object.entries({ __name__: name, ...labels })
      return accepted()
        .flatMap(({ series }) => series)
        .filter((one) => wanted.every(([label, value]) => one.labels.some(([l, v]) => l === label && v === value)))
        .flatMap(({ samples }) => samples.map(({ ms, value, bits }) => [ms, bits === STALE ? null : value] as const))
    },
    accepted,
  }
  return receiver
}

/** What every request must fulfil: throws an error with the series that does not. */
export function checkRules(series: readonly DecodedSeries[]): void {
  const seen = new Set<string>()
  for (const { labels, samples } of series) {
    const fail = (what: string) => {
      throw new Error(`${what}: ${JSON.stringify({ labels, samples })}`)
    }
    const names = labels.map(([name]) => name)
    if (names.join() !== [...names].sort().join()) fail('labels are not sorted')
    if (new Set(names).size !== names.length) fail('a label occurs twice')
    if (labels.some(([name, value]) => name === '' || value === '')) fail('a label is empty')
    for (const name of ['__name__', 'job', 'instance']) if (!names.includes(name)) fail(`without ${name}`)
    const key = JSON.stringify(labels)
    if (seen.has(key)) fail('a series occurs twice')
    seen.add(key)
    if (samples.length === 0) fail('a series without a sample')
    samples.forEach(({ ms }, i) => {
      if (i > 0 && ms <= (samples[i - 1]?.ms ?? 0)) fail('samples are not in the order of time')
    })
  }
}
