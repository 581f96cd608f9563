// The client of the local socket, against a real unix socket.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { AgentNotRunning, ConnectionLost, clientOf, RequestFailed } from '../../src/cli/agent-client.ts'
import { createSseReader, type SseMessage } from '../../src/core/sse.ts'
import { fakeAgent, json, temporaryDirectory } from './fake-agent.ts'

describe('a request', () => {
  test('is answered with the JSON of the agent', async () => {
    await using agent = await fakeAgent((_, response) => json(response, { well: true }))
    expect(await clientOf(agent.socket).get('/api/v1/status')).toEqual({ well: true })
    expect(await clientOf(agent.socket).post('/api/v1/clear')).toEqual({ well: true })
    expect(await clientOf(agent.socket).post('/api/v1/import', { ü: 1 })).toEqual({ well: true })
    expect(agent.requests).toEqual([
      { method: 'GET', url: '/api/v1/status', body: '' },
      { method: 'POST', url: '/api/v1/clear', body: '' },
      { method: 'POST', url: '/api/v1/import', body: '{"ü":1}' },
    ])
  })

  test('without a socket says that no agent runs', async () => {
    const asked = clientOf('/nonexistent/s').get('/')
    await expect(asked).rejects.toThrow(AgentNotRunning)
    await expect(asked).rejects.toThrow('no agent runs (nobody listens on /nonexistent/s)')
  })

  test('to a file that an agent left behind says the same', async () => {
    using directory = temporaryDirectory()
    const path = join(directory.path, 's')
    writeFileSync(path, '')
    await expect(clientOf(path).get('/')).rejects.toThrow(AgentNotRunning)
  })

  test('that the agent refuses tells its words', async () => {
    await using agent = await fakeAgent((_, response) =>
      json(response, { error: { code: 'x', message: 'not so' } }, 400),
    )
    await expect(clientOf(agent.socket).get('/')).rejects.toThrow(new RequestFailed('the agent answers 400: not so'))
  })

  test('to something that is no agent says so', async () => {
    await using agent = await fakeAgent((_, response) => response.end('<html>'))
    await expect(clientOf(agent.socket).get('/')).rejects.toThrow(/is no gatewatch: it does not speak JSON$/)
  })

  test('whose answer breaks off fails', async () => {
    await using agent = await fakeAgent((_, response) => {
      response.writeHead(200, { 'content-length': 100 })
      response.write('{')
      response.destroy()
    })
    await expect(clientOf(agent.socket).get('/')).rejects.toThrow(
      new ConnectionLost('the agent went away while it was being asked: try again'),
    )
  })
})

describe('a stream', () => {
  test('tells each message and ends with the agent', async () => {
    await using agent = await fakeAgent((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(':\n\nid: a-1\nevent: crash\nda')
      setImmediate(() => response.end('ta: {"x":1}\n\n'))
    })
    const told: SseMessage[] = []
    await clientOf(agent.socket).stream('/api/v1/stream', (message) => told.push(message), new AbortController().signal)
    expect(told).toEqual([{ id: 'a-1', event: 'crash', data: '{"x":1}' }])
  })

  test('ends when it is not wanted any more', async () => {
    await using agent = await fakeAgent((_, response) => response.writeHead(200).write('data: 1\n\n'))
    const enough = new AbortController()
    await clientOf(agent.socket).stream('/', () => enough.abort(), enough.signal)
    expect(enough.signal.aborted).toBe(true)
  })

  test('ends where the agent dies in the middle', async () => {
    await using agent = await fakeAgent((_, response) => {
      response.writeHead(200).write('data: 1\n\n')
      setImmediate(() => response.destroy())
    })
    const told: string[] = []
    await clientOf(agent.socket).stream('/', ({ data }) => told.push(data), new AbortController().signal)
    expect(told).toEqual(['1'])
  })

  test('that breaks off before its answer ends too', async () => {
    await using agent = await fakeAgent((_, response) => response.destroy())
    await clientOf(agent.socket).stream('/', () => {}, new AbortController().signal)
    expect(agent.requests).toHaveLength(1)
  })

  test('that is refused tells why', async () => {
    await using agent = await fakeAgent((_, response) => json(response, { error: { message: 'too many' } }, 503))
    const stream = clientOf(agent.socket).stream('/', () => {}, new AbortController().signal)
    await expect(stream).rejects.toThrow('the agent answers 503: too many')
  })
})

test('messages come out whole, however the stream is cut', () => {
  const stream = ':hello\r\n\r\nid: 1\nevent: stop\ndata: a\ndata:b\n\nignored\n\nevent: start\n\nid: 2\ndata: c\n\n'
  for (let size = 1; size <= stream.length; size++) {
    const told: SseMessage[] = []
    const read = createSseReader((message) => told.push(message))
    for (let at = 0; at < stream.length; at += size) read(stream.slice(at, at + size))
    expect(told).toEqual([
      { id: '1', event: 'stop', data: 'a\nb' },
      { id: '2', event: '', data: 'c' },
    ])
  }
})
