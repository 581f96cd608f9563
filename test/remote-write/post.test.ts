// The HTTP side of the push, against real servers: headers, credentials from files, TLS, redirects, and bad responses.
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/host/clock.ts'
import type { RemoteWriteConfig } from '../../src/remote-write/options.ts'
import { createPost } from '../../src/remote-write/post.ts'
import { certificates } from '../rig/certificates.ts'
import { testClock } from '../rig/clock.ts'
import { removeDirectory, temporaryDirectory } from '../rig/gatewatch.ts'
import { until } from '../rig/until.ts'
import { remoteWriteConfig } from './gateway.ts'

const BODY = Uint8Array.of(1, 2, 3)
const noSignal = () => new AbortController().signal

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

/** A server that records its requests; `respond` ends the response. */
async function serverOf(respond: RequestListener = (_request, response) => void response.writeHead(204).end()) {
  const requests: { readonly request: IncomingMessage; readonly body: Buffer }[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => void chunks.push(chunk))
    request.on('end', () => {
      requests.push({ request, body: Buffer.concat(chunks) })
      respond(request, response)
    })
  })
  const port = await listening(server)
  onTestFinished(() => server.closeAllConnections())
  return { server, requests, url: `http://127.0.0.1:${port}/api/v1/write?tenant=north` }
}

const postTo = (config: Partial<RemoteWriteConfig>) => createPost(() => remoteWriteConfig(config), '0.1.0', systemClock)

function directory(): string {
  const path = temporaryDirectory()
  onTestFinished(() => removeDirectory(path))
  return path
}

test('a request has the headers of remote write 1.0 and the body, and connections are reused', async () => {
  const { requests, url } = await serverOf()
  const post = postTo({ url })
  expect(await post(BODY, noSignal())).toEqual({ status: 204, retryAfter: null, body: '' })
  await post(BODY, noSignal())
  expect(requests[0]?.request).toMatchObject({
    method: 'POST',
    url: '/api/v1/write?tenant=north',
    headers: {
      'content-encoding': 'snappy',
      'content-type': 'application/x-protobuf',
      'x-prometheus-remote-write-version': '0.1.0',
      'user-agent': 'gatewatch/0.1.0',
      'content-length': '3',
    },
  })
  expect(requests[0]?.request.headers.authorization).toBe(undefined)
  expect([...(requests[0]?.body ?? [])]).toEqual([1, 2, 3])
  expect(requests[0]?.request.socket.remotePort).toBe(requests[1]?.request.socket.remotePort)
})

test('user name and password, or a token, are sent; the files are read for each request', async () => {
  const { requests, url } = await serverOf()
  const file = join(directory(), 'secret')
  writeFileSync(file, 'first\n')
  const basic = postTo({ url, username: 'gw-7', password_file: file })
  const bearer = postTo({ url, token_file: file })
  await basic(BODY, noSignal())
  await bearer(BODY, noSignal())
  writeFileSync(file, 'second')
  await basic(BODY, noSignal())
  await bearer(BODY, noSignal())
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  expect(requests.map(({ request }) => request.headers.authorization)).toEqual([
    `Basic ${base64('gw-7:first')}`,
    'Bearer first',
    `Basic ${base64('gw-7:second')}`,
    'Bearer second',
  ])
})

test('a file that cannot be read is named; the credentials are not', async () => {
  const { url } = await serverOf()
  const post = postTo({ url, token_file: '/nowhere/token' })
  await expect(post(BODY, noSignal())).rejects.toThrow('cannot read remote_write.token_file /nowhere/token (ENOENT)')
})

test('what a receiver repeats of the credentials and of the parameters of the URL is not shown', async () => {
  const { url } = await serverOf((request, response) => {
    const { authorization = '' } = request.headers
    const password =
      Buffer.from(authorization.split(' ')[1] ?? '', 'base64')
        .toString()
        .split(':')[1] ?? ''
    response.writeHead(400).end(`cannot find ${JSON.stringify(authorization)} (${password}) for ${request.url}`)
  })
  const file = join(directory(), 'secret')
  writeFileSync(file, 'cöffee mug')
  const basic = await postTo({ url, username: 'gw-7', password_file: file })(BODY, noSignal())
  expect(basic.body).toBe('cannot find "Basic ***" (***) for /api/v1/write?***')
  writeFileSync(file, 'a-long-token')
  const bearer = await postTo({ url, token_file: file })(BODY, noSignal())
  expect(bearer.body).toMatch(/^cannot find "Bearer \*\*\*" .* for \/api\/v1\/write\?\*\*\*$/)
})

test('a redirect is not followed', async () => {
  const other = await serverOf()
  const { url } = await serverOf((_request, response) => void response.writeHead(307, { Location: other.url }).end())
  expect(await postTo({ url })(BODY, noSignal())).toMatchObject({ status: 307 })
  expect(other.requests).toHaveLength(0)
})

test('only the beginning of a response is read, however long it is', async () => {
  const { url } = await serverOf((_request, response) => {
    response.writeHead(400, { 'Retry-After': '7' })
    const more = () => response.write(Buffer.alloc(65_536, 'x'), (error) => error || more())
    more()
  })
  const response = await postTo({ url })(BODY, noSignal())
  expect(response).toMatchObject({ status: 400, retryAfter: '7' })
  expect(response.body).toBe('x'.repeat(4_096))
})

test('a response that does not come ends the attempt after 30 s, and so does one that does not end', async () => {
  for (const respond of [
    () => {},
    (_: unknown, response: { write(text: string): unknown }) => void response.write('a'),
  ]) {
    const { requests, url } = await serverOf(respond as RequestListener)
    const clock = testClock()
    const post = createPost(() => remoteWriteConfig({ url }), '0.1.0', clock)
    const result = post(BODY, noSignal()).catch((error: Error) => error.message)
    await until(() => requests.length === 1, { what: 'the request to arrive' })
    await new Promise((resolve) => setTimeout(resolve, 20))
    clock.advance(30_000)
    expect(await result).toBe('no response within 30 s')
    expect(clock.pending()).toBe(0)
  }
})

test('an abort ends the attempt', async () => {
  const { requests, url } = await serverOf(() => {})
  const aborter = new AbortController()
  const result = postTo({ url })(BODY, aborter.signal).catch((error: Error) => error.message)
  await until(() => requests.length === 1, { what: 'the request to arrive' })
  aborter.abort()
  expect(await result).toContain('aborted')
})

test('a kept connection that the server has closed is replaced within the attempt', async () => {
  // It closes the connection when the second request arrives on it: as a server whose idle timeout ends at that moment.
  const counts: number[] = []
  const server = createTcpServer((socket) => {
    const connection = counts.push(0) - 1
    socket.on('error', () => {})
    socket.on('data', () => {
      counts[connection] = (counts[connection] ?? 0) + 1
      if (counts[connection] > 1) socket.resetAndDestroy()
      else socket.write('HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n')
    })
  })
  const post = postTo({ url: `http://127.0.0.1:${await listening(server)}/` })
  expect((await post(BODY, noSignal())).status).toBe(204)
  expect((await post(BODY, noSignal())).status).toBe(204)
  expect(counts).toEqual([2, 1])
})

test('without a server, the reason is stated', async () => {
  const { server, url } = await serverOf()
  await new Promise((resolve) => server.close(resolve))
  await expect(postTo({ url })(BODY, noSignal())).rejects.toThrow('connection refused (nothing is listening there)')
  await expect(postTo({ url: 'http://no-such-host.invalid/' })(BODY, noSignal())).rejects.toThrow(
    /no such host|name server does not respond/,
  )
})

test('TLS: the certificate is verified with ca_file, a client certificate is shown, and new files are used at once', async () => {
  const path = directory()
  const authority = certificates(path)
  const server = authority.issue('server', 'IP:127.0.0.1')
  const client = authority.issue('client', 'DNS:gw-7')
  const [cert, key, ca] = [server.cert, server.key, authority.ca].map((file) => readFileSync(file))
  const names: unknown[] = []
  const tls = createTlsServer({ cert, key, ca, requestCert: true, rejectUnauthorized: false }, (request, response) => {
    names.push((request.socket as import('node:tls').TLSSocket).getPeerCertificate().subject?.CN)
    response.writeHead(204).end()
  })
  const url = `https://127.0.0.1:${await listening(tls)}/`
  onTestFinished(() => tls.closeAllConnections())
  await expect(postTo({ url })(BODY, noSignal())).rejects.toThrow(/unknown authority; set remote_write.ca_file/)

  const ca_file = join(path, 'in-use.crt')
  writeFileSync(ca_file, 'not a certificate')
  const post = postTo({ url, ca_file, cert_file: client.cert, key_file: client.key })
  await expect(post(BODY, noSignal())).rejects.toThrow()
  writeFileSync(`${ca_file}.new`, readFileSync(authority.ca))
  renameSync(`${ca_file}.new`, ca_file)
  expect((await post(BODY, noSignal())).status).toBe(204)
  expect(names).toEqual(['client'])
  expect((await postTo({ url, ca_file })(BODY, noSignal())).status).toBe(204)
  expect(names).toEqual(['client', undefined])
})
