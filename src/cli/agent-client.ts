// HTTP client for the local socket of a running agent.
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { createSseReader, type SseMessage } from '../core/views/sse.ts'

/** Nothing listens on the socket. */
export class AgentNotRunning extends Error {}

/** The agent could not be used: no permission, no response, or an error response. The message says what to do. */
export class RequestFailed extends Error {
  /** The code of an error response, for programs: `unknown_unit`, ... */
  code: string | null = null
}

/** The agent closed the connection before its response was complete. */
export class ConnectionLost extends RequestFailed {}

export interface AgentClient {
  readonly socket: string
  /** Resolves with the JSON of the response. Rejects with AgentNotRunning or RequestFailed. */
  get(path: string): Promise<unknown>
  /** The same for a change; the agent responds once the change is on flash. */
  post(path: string, body?: unknown): Promise<unknown>
  /** Follows server-sent events until the agent ends the stream or `signal` aborts; rejects like get. */
  stream(path: string, onMessage: (message: SseMessage) => void, signal: AbortSignal): Promise<void>
}

const REPLY_TIMEOUT_MS = 10_000
/** Long enough for a commit to slow flash that has to be retried. */
const CHANGE_TIMEOUT_MS = 60_000
/** The agent sends a heartbeat every 15 s. */
const STREAM_IDLE_TIMEOUT_MS = 60_000

export function clientOf(socket: string): AgentClient {
  return {
    socket,
    get: (path) => replyTo(request({ socketPath: socket, path, timeout: REPLY_TIMEOUT_MS }), socket),
    post: (path, body) => {
      const text = body === undefined ? '' : JSON.stringify(body)
      const headers =
        text === '' ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
      const post = request({ socketPath: socket, path, method: 'POST', timeout: CHANGE_TIMEOUT_MS, headers })
      return replyTo(post, socket, text)
    },
    stream: async (path, onMessage, signal) => {
      const headers = { accept: 'text/event-stream' }
      const get = request({ socketPath: socket, path, headers, timeout: STREAM_IDLE_TIMEOUT_MS, signal })
      try {
        const response = await responseTo(get, socket)
        if (response.statusCode !== 200) throw errorResponse(response, await bodyOf(response))
        response.setEncoding('utf8')
        const read = createSseReader(onMessage)
        await forEachChunk(response, read)
      } catch (error) {
        if (signal.aborted) return
        if (!(error instanceof ConnectionLost)) throw error
      }
    },
  }
}

async function replyTo(sent: ClientRequest, socket: string, body = ''): Promise<unknown> {
  const response = await responseTo(sent, socket, body)
  const text = await bodyOf(response)
  if (response.statusCode !== 200) throw errorResponse(response, text)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new RequestFailed(`the process listening on ${socket} is not gatewatch (its reply is not JSON)`, { cause })
  }
}

function responseTo(sent: ClientRequest, socket: string, body = ''): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    sent.on('response', resolve)
    sent.on('timeout', () =>
      sent.destroy(new RequestFailed(`the agent did not respond in time on ${socket}; see its log`)),
    )
    sent.on('error', (error: NodeJS.ErrnoException) => reject(failure(error, socket)))
    sent.end(body)
  })
}

function failure(error: NodeJS.ErrnoException, socket: string): Error {
  if (error instanceof RequestFailed) return error
  switch (error.code) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return new AgentNotRunning(`the agent is not running (nothing is listening on ${socket})`, { cause: error })
    case 'ECONNRESET':
    case 'EPIPE':
      return new ConnectionLost('the agent closed the connection during the request; try again', { cause: error })
    case 'EACCES':
    case 'EPERM':
      return new RequestFailed(
        `no permission to use ${socket}; run this as root or as a member of the group gatewatch`,
        {
          cause: error,
        },
      )
    default:
      return new RequestFailed(`request to the agent on ${socket} failed: ${error.message}`, { cause: error })
  }
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  let text = ''
  response.setEncoding('utf8')
  await forEachChunk(response, (chunk) => {
    text += chunk
  })
  return text
}

async function forEachChunk(response: IncomingMessage, onChunk: (chunk: string) => void): Promise<void> {
  try {
    for await (const chunk of response) onChunk(String(chunk))
  } catch (error) {
    throw failure(error as Error, 'its socket')
  }
}

/** With the message of `{"error": {"code", "message"}}`, else the whole body. */
function errorResponse(response: IncomingMessage, text: string): RequestFailed {
  let error: { code?: unknown; message?: unknown } = {}
  try {
    error = (JSON.parse(text) as { error?: typeof error }).error ?? {}
  } catch {}
  const what = String(error.message ?? (text.trim() || '(no body)'))
  const failed = new RequestFailed(`the agent responded with HTTP status ${response.statusCode}: ${what}`)
  failed.code = typeof error.code === 'string' ? error.code : null
  return failed
}
