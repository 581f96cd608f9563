// Parses server-sent events from a stream of text (WHATWG HTML standard, 9.2.6).
export interface SseMessage {
  readonly id: string
  readonly event: string
  readonly data: string
}

/** Returns a function that takes chunks of the stream, split anywhere. Calls `onMessage` for each message with data. */
export function createSseReader(onMessage: (message: SseMessage) => void): (piece: string) => void {
  let rest = ''
  let id = ''
  let event = ''
  let data: string[] = []
  const field = (line: string) => {
    const colon = line.indexOf(':')
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (name === 'id') id = value
    else if (name === 'event') event = value
    else if (name === 'data') data.push(value)
  }
  return (piece) => {
    const lines = (rest + piece).split(/\r?\n/)
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line !== '') field(line)
      else {
        if (data.length > 0) onMessage({ id, event, data: data.join('\n') })
        event = ''
        data = []
      }
    }
  }
}
