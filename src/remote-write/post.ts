// Sends the requests over HTTP or HTTPS: credentials from files, one kept connection, no redirects, bounded responses.
import { statSync } from 'node:fs'
import * as http from 'node:http'
import { connectionReason, messageOf } from '../core/error-text.ts'
import { type CertificateFiles, readCertificates, readFirstLine } from '../credentials/files.ts'
import type { Clock } from '../ports.ts'
import type { Post, RemoteWriteConfig, WriteResponse } from './options.ts'

/** For a whole request, from the name server to the end of the response. */
const TIMEOUT_MS = 30_000
/** The beginning of a body explains an error. A longer response ends the connection. */
const BODY_BYTES_AT_MOST = 4_096

interface Connections {
  readonly agent: http.Agent
  readonly signature: string
}

/** The files are read for each request, so that passwords and certificates may change while the agent runs. */
export function createPost(config: () => RemoteWriteConfig, version: string, clock: Pick<Clock, 'after'>): Post {
  let connections: Connections | null = null

  /** Keeps the connections as long as scheme and certificates stay the same. */
  const agentFor = async (secure: boolean): Promise<http.Agent> => {
    const signature = secure ? signatureOf(config()) : 'http'
    if (connections?.signature === signature) return connections.agent
    connections?.agent.destroy()
    const agent = secure ? await secureAgent(config()) : new http.Agent(KEPT)
    connections = { agent, signature }
    return agent
  }

  const attempt = async (body: Uint8Array, signal: AbortSignal): Promise<WriteResponse> => {
    const url = new URL(config().url ?? '')
    const secure = url.protocol === 'https:'
    const headers = {
      'Content-Encoding': 'snappy',
      'Content-Type': 'application/x-protobuf',
      'X-Prometheus-Remote-Write-Version': '0.1.0',
      'User-Agent': `gatewatch/${version}`,
      'Content-Length': body.length,
      ...authorization(config()),
    }
    const { request: requestTo } = secure ? await import('node:https') : http
    const agent = await agentFor(secure)
    signal.throwIfAborted()
    const request = requestTo(url, { method: 'POST', headers, agent })
    const cancelTimeout = clock.after(TIMEOUT_MS, () => {
      request.destroy(new Error(`no response within ${TIMEOUT_MS / 1000} s`))
    })
    // Node's own option `signal` takes a quarter of the CPU time of a request.
    const abort = () => request.destroy(new Error('aborted'))
    signal.addEventListener('abort', abort)
    const response = await responseOf(request, body).finally(() => {
      cancelTimeout()
      signal.removeEventListener('abort', abort)
    })
    return { ...response, body: withoutSecrets(response.body, secretsOf(url, headers.Authorization)) }
  }

  return async (body, signal) => {
    try {
      return await attempt(body, signal).catch((error) => {
        // The other side had closed the kept connection; this says nothing about the receiver.
        if (error instanceof ClosedMeanwhile) return attempt(body, signal)
        throw error
      })
    } catch (error) {
      throw new Error(connectionReason(error, 'remote_write') ?? messageOf(error), { cause: error })
    }
  }
}

class ClosedMeanwhile extends Error {}

/** One connection is kept between two pushes: a handshake costs more than a push. */
const KEPT = { keepAlive: true, maxSockets: 1, maxFreeSockets: 1 }

/** TLS is loaded only for a receiver that needs it. */
async function secureAgent(files: CertificateFiles): Promise<http.Agent> {
  const [{ Agent }, { createSecureContext }] = await Promise.all([import('node:https'), import('node:tls')])
  // A context, because the agent would use the certificates themselves as a part of the name of each connection.
  return new Agent({ ...KEPT, secureContext: createSecureContext(readCertificates('remote_write', files)) })
}

function responseOf(request: http.ClientRequest, body: Uint8Array): Promise<WriteResponse> {
  return new Promise((resolve, reject) => {
    request.on('error', (error: NodeJS.ErrnoException) => {
      const { code } = error
      reject(
        request.reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE') ? new ClosedMeanwhile() : firstOf(error),
      )
    })
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      let bytes = 0
      const done = () => {
        const retryAfter = response.headers['retry-after'] ?? null
        resolve({ status: response.statusCode ?? 0, retryAfter, body: Buffer.concat(chunks).toString('utf8') })
      }
      response.on('data', (chunk: Buffer) => {
        if (bytes < BODY_BYTES_AT_MOST) chunks.push(chunk.subarray(0, BODY_BYTES_AT_MOST - bytes))
        bytes += chunk.length
        if (bytes <= BODY_BYTES_AT_MOST) return
        done()
        request.destroy()
      })
      response.on('end', done)
      response.on('error', reject)
    })
    request.end(body)
  })
}

/** Of a name with several addresses, Node reports the errors of all as one without a message. */
function firstOf(error: Error): Error {
  return error instanceof AggregateError && error.errors[0] instanceof Error ? error.errors[0] : error
}

function authorization({ username, password_file, token_file }: RemoteWriteConfig): { Authorization?: string } {
  if (token_file !== null)
    return { Authorization: `Bearer ${readFirstLine('remote_write.token_file', token_file).trim()}` }
  if (username === null) return {}
  const password = password_file === null ? '' : readFirstLine('remote_write.password_file', password_file)
  return { Authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` }
}

/** What an error message of the receiver must not show: it is logged, and readable over HTTP. */
function secretsOf(url: URL, authorization = ''): readonly string[] {
  const [scheme, credentials = ''] = authorization.split(' ', 2)
  const password =
    scheme === 'Basic'
      ? Buffer.from(credentials, 'base64')
          .toString()
          .replace(/^[^:]*:/, '')
      : ''
  return [credentials, password, url.search.slice(1), ...url.searchParams.values()]
}

/** Of a rejected request, vmauth (VictoriaMetrics) repeats the credentials. */
function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((now, secret) => (secret === '' ? now : now.replaceAll(secret, '***')), text)
}

/** Changes when one of the files does. */
function signatureOf({ ca_file, cert_file, key_file }: CertificateFiles): string {
  const versions = [ca_file, cert_file, key_file].map((path) => {
    if (path === null) return null
    const { ino, size, mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? {}
    return [path, ino, size, mtimeMs]
  })
  return JSON.stringify(versions)
}
