// Writes the event stream to one client, as server-sent events or as WebSocket messages.
import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Json } from '../../core/views/api-json.ts'

export interface StreamWriter {
  /** Writes an event, or a record without an id; false when the buffer is full: wait for `onceDrained`. */
  write(id: string | null, kind: string, data: Json): boolean
  /** Returns the same as `write`. */
  heartbeat(): boolean
  /** Calls back once when the buffer has drained. */
  onceDrained(call: () => void): void
  /** Calls back once when the connection is closed; `flooded`: because the client sent too much. */
  onceClosed(call: (flooded: boolean) => void): void
  /** Closes the stream in an orderly way. */
  end(): void
  /** Closes the connection at once. */
  destroy(): void
}

/** The headers of `response` have been sent already. */
export function createSseWriter(response: ServerResponse): StreamWriter {
  return {
    write(id, kind, data) {
      return response.write(`${id === null ? '' : `id: ${id}\n`}event: ${kind}\ndata: ${JSON.stringify(data)}\n\n`)
    },
    heartbeat: () => response.write(':\n\n'),
    onceDrained: (call) => void response.once('drain', call),
    onceClosed: (call) => void response.once('close', () => call(false)),
    end: () => void response.end(),
    destroy: () => void response.destroy(),
  }
}

/** From the client, between two heartbeats: it has no reason to send more than pings and pongs. */
const RECEIVED_AT_MOST_BYTES = 16_384

/** Each message is one event and contains its id. Messages from the client are ignored; one that sends many is disconnected. */
export function createWebSocketWriter(client: WebSocket, connection: Duplex): StreamWriter {
  let alive = true
  let receivedBytes = 0
  const isFlood = () => receivedBytes > RECEIVED_AT_MOST_BYTES
  connection.prependListener('data', (chunk: Buffer) => {
    receivedBytes += chunk.length
    if (isFlood()) client.terminate()
  })
  client.on('error', () => {}) // a broken connection is the client's problem
  client.on('pong', () => {
    alive = true
  })
  return {
    write(_id, _kind, data) {
      client.send(JSON.stringify(data))
      return !connection.writableNeedDrain
    },
    /** A client that did not reply to the previous ping is disconnected. */
    heartbeat() {
      if (!alive) client.terminate()
      else client.ping()
      alive = false
      receivedBytes = 0
      return !connection.writableNeedDrain
    },
    onceDrained: (call) => void connection.once('drain', call),
    onceClosed: (call) => void client.once('close', () => call(isFlood())),
    end: () => client.close(1001),
    destroy: () => client.terminate(),
  }
}
