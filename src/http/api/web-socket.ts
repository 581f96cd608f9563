// Makes a WebSocket of a request that was let in.
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { WebSocketServer } from 'ws'
import { type Outlet, webSocketOutlet } from './stream-writer.ts'

/** Nothing is asked of a client, so it has little to say. */
const MESSAGE_BYTES_AT_MOST = 4_096

let handshakes: WebSocketServer | null = null

/** What is no handshake is refused, and its connection closed; `begin` is called when it is done. */
export async function shakeHands(
  request: IncomingMessage,
  connection: Duplex,
  head: Buffer,
  begin: (outlet: Outlet) => void,
): Promise<void> {
  const { WebSocketServer } = await import('ws') // not before it is needed: it costs memory
  handshakes ??= new WebSocketServer({
    ...{ noServer: true, clientTracking: false, perMessageDeflate: false, maxPayload: MESSAGE_BYTES_AT_MOST },
  })
  handshakes.handleUpgrade(request, connection, head, (client) => begin(webSocketOutlet(client, connection)))
}
