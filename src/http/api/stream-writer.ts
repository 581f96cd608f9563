// Where a reader of the stream gets its events: an answer of server-sent events, or a WebSocket.
import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Json } from '../../core/api-json.ts'

export interface Outlet {
  /** Tells an event, or without an id a record that is none; false where it takes no more until it has drained. */
  tell(id: string | null, kind: string, data: Json): boolean
  /** A sign of life, as `tell`. */
  beat(): boolean
  /** Calls once when it takes more. */
  onceDrained(call: () => void): void
  /** Calls once when it is gone. */
  onGone(call: () => void): void
  /** Ends it in order. */
  end(): void
  /** Ends it at once. */
  cut(): void
}

/** `response` has its head already. */
export function sseOutlet(response: ServerResponse): Outlet {
  return {
    tell(id, kind, data) {
      return response.write(`${id === null ? '' : `id: ${id}\n`}event: ${kind}\ndata: ${JSON.stringify(data)}\n\n`)
    },
    beat: () => response.write(':\n\n'),
    onceDrained: (call) => void response.once('drain', call),
    onGone: (call) => void response.once('close', call),
    end: () => void response.end(),
    cut: () => void response.destroy(),
  }
}

/** Each message is one event; its id stands in it. What the client sends is not read. */
export function webSocketOutlet(client: WebSocket, connection: Duplex): Outlet {
  let answered = true
  client.on('error', () => {}) // a connection that breaks is the client's matter
  client.on('pong', () => {
    answered = true
  })
  return {
    tell(_id, _kind, data) {
      client.send(JSON.stringify(data))
      return !connection.writableNeedDrain
    },
    beat() {
      if (!answered) client.terminate()
      else client.ping()
      answered = false
      return !connection.writableNeedDrain
    },
    onceDrained: (call) => void connection.once('drain', call),
    onGone: (call) => void client.once('close', call),
    end: () => client.close(1001),
    cut: () => client.terminate(),
  }
}
