// For tests: an HTTP server on a unix socket in place of the agent, a console that records its output, and a state file.
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clientOf } from '../../src/cli/agent-client.ts'
import { type Console, type OfflineState, type StateFile, safeOutput } from '../../src/cli/console.ts'

export interface RecordedRequest {
  readonly method: string
  readonly url: string
  readonly body: string
}

export type Handler = (request: RecordedRequest, response: ServerResponse) => void

export interface FakeAgent {
  readonly socket: string
  readonly requests: RecordedRequest[]
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export function temporaryDirectory(): { path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), 'gatewatch-cli-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

/** Listens on a real unix socket, in `directory` or in a new temporary directory. */
export async function fakeAgent(handler: Handler, directory = temporaryDirectory()): Promise<FakeAgent> {
  const socket = join(directory.path, 'gatewatch.sock')
  const requests: RecordedRequest[] = []
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const one = { method: request.method ?? '', url: request.url ?? '', body }
      requests.push(one)
      handler(one, response)
    })
  })
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  const stop = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    directory[Symbol.dispose]()
  }
  return { socket, requests, stop, [Symbol.asyncDispose]: stop }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const piece of request) body += piece
  return body
}

export function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(value))
}

export interface RecordingConsole extends Console {
  readonly out: () => string
  readonly err: () => string
}

export const NOON = Date.UTC(2026, 10, 20, 12, 0, 0)

export function recordingConsole(overrides: Partial<Console> = {}): RecordingConsole {
  const written = { out: '', err: '' }
  const color = overrides.color === true
  const output = safeOutput(
    (text) => {
      written.out += text
    },
    (text) => {
      written.err += text
    },
    { stdout: color, stderr: color },
  )
  return {
    ...output,
    columns: 80,
    color: false,
    now: () => NOON,
    out: () => written.out,
    err: () => written.err,
    ...overrides,
  }
}

/** A state file with this content; `done` records the calls. */
export function fakeStateFile(content: OfflineState | null): StateFile & { readonly done: unknown[] } {
  const done: unknown[] = []
  return {
    path: '/var/lib/gatewatch/state.ring',
    done,
    read: async () => content,
    emptyLog: async (path) => {
      done.push(['empty', path])
    },
    clear: async (path, keepEvents, first) => {
      await first()
      done.push(keepEvents ? ['clear', path, 'keep events'] : ['clear', path])
    },
    import: async (path, baselines) => {
      done.push(['import', path, Object.fromEntries(baselines)])
    },
    editPublished: async (path, edit) => {
      done.push(['published', path, await edit(content?.published ?? [])])
    },
  }
}

/** A client whose agent is not running. */
export const noAgent = clientOf('/nonexistent/gatewatch.sock')
