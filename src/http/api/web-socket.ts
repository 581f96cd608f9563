// Completes the WebSocket handshake of an authorized request.
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { WebSocketServer } from 'ws'
import { createWebSocketWriter, type StreamWriter } from './stream-writer.ts'

/** Clients have no reason to send messages, so only small ones are accepted, in few parts. */
const MESSAGE_BYTES_AT_MOST = 4_096
const MESSAGE_PARTS_AT_MOST = 16

let handshakes: WebSocketServer | null = null

/** `start` is called after the handshake. An invalid handshake is refused and the connection closed. */
export async function upgradeToWebSocket(
  request: IncomingMessage,
  connection: Duplex,
  head: Buffer,
  start: (writer: StreamWriter) => void,
): Promise<void> {
  const { WebSocketServer } = await import('ws') // loaded only when needed: it costs memory
  handshakes ??= new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MESSAGE_BYTES_AT_MOST,
    maxFragments: MESSAGE_PARTS_AT_MOST,
    allowSynchronousEvents: false, // one message in each turn of the event loop: 64 KiB of them would take 0.2 s
  })
  handshakes.handleUpgrade(request, connection, head, (client) => start(createWebSocketWriter(client, connection)))
}
