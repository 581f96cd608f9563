// Reads what an HTTP server sent, strictly: responses, and nothing between or after them.

export interface HttpResponse {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

/** Null if anything is not a response. */
export function responsesIn(text: string): readonly HttpResponse[] | null {
  const responses: HttpResponse[] = []
  for (let rest = text; rest !== ''; ) {
    const head = /^HTTP\/1\.1 (\d{3}) [A-Za-z -]+\r\n((?:[!#$%&'*+.^_`|~\w-]+: ?[\t -~]*\r\n)*)\r\n/.exec(rest)
    if (head === null) return null
    const headers = new Map(
      (head[2] ?? '')
        .split('\r\n')
        .slice(0, -1)
        .map((line) => {
          const colon = line.indexOf(':')
          return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
        }),
    )
    const after = rest.slice(head[0].length)
    const length = bodyLength(Number(head[1]), headers, after)
    if (length > after.length) return null
    responses.push({ status: Number(head[1]), headers, body: after.slice(0, length) })
    rest = after.slice(length)
  }
  return responses
}

const NO_CHUNKS = '0\r\n\r\n'

/** The response to HEAD has a length and no body; Node.js itself refuses a request without Host with an empty chunked body. */
function bodyLength(status: number, headers: ReadonlyMap<string, string>, after: string): number {
  if (status === 100) return 0
  if (status === 101 || headers.get('content-type') === 'text/event-stream') return after.length
  if (headers.get('transfer-encoding') === 'chunked') return after.startsWith(NO_CHUNKS) ? NO_CHUNKS.length : Infinity
  return after === '' || after.startsWith('HTTP/1.1 ') ? 0 : Number(headers.get('content-length') ?? 0)
}
