// A remote write receiver that forwards each request to another one, and refuses them as long as a test wants.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Forwarder {
  readonly url: string
  refuse: boolean
  /** Until then, it responds with 503. */
  forwardTo(url: string): void
  close(): void
}

export async function startForwarder(): Promise<Forwarder> {
  let target: string | null = null
  const forward = async (body: Buffer, headers: Record<string, string>): Promise<number> => {
    if (forwarder.refuse) return 400
    if (target === null) return 503
    const response = await fetch(target, { method: 'POST', body: new Uint8Array(body), headers })
    await response.arrayBuffer()
    return response.status
  }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => void chunks.push(chunk))
    request.on('end', () => {
      const { 'content-encoding': encoding = '', 'content-type': type = '' } = request.headers
      const headers = {
        'content-encoding': encoding,
        'content-type': type,
        'x-prometheus-remote-write-version': String(request.headers['x-prometheus-remote-write-version']),
      }
      forward(Buffer.concat(chunks), headers).then(
        (status) => response.writeHead(status).end(),
        () => response.writeHead(503).end(),
      )
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const forwarder: Forwarder = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1/write`,
    refuse: false,
    forwardTo(url) {
      target = url
    },
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
  return forwarder
}
