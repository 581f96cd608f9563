// A TCP relay to the broker, on its own port, which a test can cut, freeze or close.
import { connect, createServer, type Server, type Socket } from 'node:net'
import { freePort } from '../rig/mosquitto.ts'

export interface Link extends AsyncDisposable {
  readonly port: number
  readonly url: string
  /** Discards everything from the broker, from this packet type on (MQTT 3.1.1, 2.2.1). */
  swallow(packetType: number | null): void
  /** Cuts every connection. */
  cut(): void
  /** Cuts the agent's side only: for the broker, the connection stays open. */
  forget(): void
  /** Refuses connections, or accepts them again. */
  close(): Promise<void>
  open(): Promise<void>
  connections(): number
}

export const PUBACK = 4
export const PINGRESP = 13

/** `onConnect` may respond to a client's first bytes: what it returns is sent, and the connection closed. */
export async function startLink(brokerPort: number, onConnect?: (first: Buffer) => Buffer | null): Promise<Link> {
  const pairs = new Set<readonly [Socket, Socket]>()
  const forgotten = new Set<readonly [Socket, Socket]>()
  let swallowed: number | null = null
  let connections = 0
  let server: Server | null = null
  const port = await freePort() // it may be opened again

  function relay(client: Socket): void {
    connections += 1
    const broker = connect(brokerPort, '127.0.0.1')
    const pair = [client, broker] as const
    pairs.add(pair)
    let isMute = false
    client.once('data', (first) => {
      const response = onConnect?.(first) ?? null
      if (response !== null) return void client.end(response)
      broker.write(first)
      client.pipe(broker, { end: false })
    })
    broker.on('data', (chunk: Buffer) => {
      const end = swallowed === null ? chunk.length : lengthBefore(chunk, swallowed)
      if (!isMute && end > 0) client.write(chunk.subarray(0, end))
      if (end < chunk.length) isMute = true
    })
    const drop = () => {
      client.destroy()
      if (forgotten.has(pair)) return
      pairs.delete(pair)
      broker.destroy()
    }
    for (const socket of pair) socket.on('error', drop).on('close', drop)
  }

  function cut(): void {
    for (const [client, broker] of pairs) {
      client.destroy()
      broker.destroy()
    }
  }

  function open(): Promise<void> {
    return new Promise((resolve, reject) => {
      server = createServer(relay)
      server.once('error', reject)
      server.listen(port, '127.0.0.1', resolve)
    })
  }

  function close(): Promise<void> {
    cut()
    return new Promise((resolve) => (server === null ? resolve() : server.close(() => resolve())))
  }

  await open()
  return {
    port,
    url: `mqtt://127.0.0.1:${port}`,
    swallow(packetType) {
      swallowed = packetType
    },
    cut,
    forget() {
      for (const pair of pairs) {
        forgotten.add(pair)
        pair[0].unpipe()
        pair[0].destroy()
      }
    },
    close,
    open,
    connections: () => connections,
    [Symbol.asyncDispose]: close,
  }
}

/**
 * Length of the packets in front of the first one of this type. A chunk begins with a packet: on loopback they arrive
 * whole. Each has a byte with its type, its length in groups of 7 bits, and the rest (MQTT 3.1.1, 2.2).
 */
function lengthBefore(chunk: Buffer, type: number): number {
  let at = 0
  while (at < chunk.length && (chunk[at] ?? 0) >> 4 !== type) {
    let length = 0
    let i = 0
    do {
      i += 1
      length += ((chunk[at + i] ?? 0) & 0x7f) * 128 ** (i - 1)
    } while ((chunk[at + i] ?? 0) >= 0x80)
    at += i + 1 + length
  }
  return Math.min(at, chunk.length)
}
