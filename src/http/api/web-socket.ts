// Completes the WebSocket handshake of an authorized request.
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { WebSocketServer } from 'ws'
import { createWebSocketWriter, type StreamWriter } from './stream-writer.ts'

/** Clients have no reason to send messages, so only small ones are accepted. */
const MESSAGE_BYTES_AT_MOST = 4_096

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
  })
  handshakes.handleUpgrade(request, connection, head, (client) => start(createWebSocketWriter(client, connection)))
}
