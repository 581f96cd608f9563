// A client of the event stream over server-sent events.
import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { HttpListener } from '../../../src/http/http.ts'

/** Reads a stream; `frames`: the frames received so far. */
export function follow(at: HttpListener, path = '/api/v1/stream', headers: string[] = []) {
  const socket: Socket = at.port === null ? connect(at.address) : connect(at.port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  const it = { socket, text: '', closed: false, frames: () => framesOf(it.text) }
  socket.setEncoding('utf8')
  socket.on('data', (text: string) => {
    it.text += text
  })
  socket.on('close', () => {
    it.closed = true
  })
  socket.on('error', () => {})
  // With HTTP/1.0, the body has no chunk lengths.
  socket.write(`GET ${path} HTTP/1.0\r\n${headers.map((h) => `${h}\r\n`).join('')}\r\n`)
  return it
}

function framesOf(text: string): string[] {
  const at = text.indexOf('\r\n\r\n')
  return at < 0
    ? []
    : text
        .slice(at + 4)
        .split('\n\n')
        .slice(0, -1)
}

/** The ids of the events. */
export const ids = (frames: string[]) => frames.flatMap((frame) => /^id: (.*)$/m.exec(frame)?.[1] ?? [])
