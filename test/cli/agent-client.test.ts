// The HTTP client for the local socket, over a real unix socket.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { AgentNotRunning, ConnectionLost, clientOf } from '../../src/cli/agent-client.ts'
import { createSseReader, type SseMessage } from '../../src/core/views/sse.ts'
import { fakeAgent, json, temporaryDirectory } from './fake-agent.ts'

describe('a request', () => {
  test('resolves with the JSON of the response', async () => {
    await using agent = await fakeAgent((_, response) => json(response, { healthy: true }))
    expect(await clientOf(agent.socket).get('/api/v1/status')).toEqual({ healthy: true })
    expect(await clientOf(agent.socket).post('/api/v1/clear')).toEqual({ healthy: true })
    expect(await clientOf(agent.socket).post('/api/v1/import', { ü: 1 })).toEqual({ healthy: true })
    expect(agent.requests).toEqual([
      { method: 'GET', url: '/api/v1/status', body: '' },
      { method: 'POST', url: '/api/v1/clear', body: '' },
      { method: 'POST', url: '/api/v1/import', body: '{"ü":1}' },
    ])
  })

  test('without a socket is rejected: the agent is not running', async () => {
    const reply = clientOf('/nonexistent/s').get('/')
    await expect(reply).rejects.toThrow(AgentNotRunning)
    await expect(reply).rejects.toThrow('the agent is not running (nothing is listening on /nonexistent/s)')
  })

  test('to the socket file of an agent that has ended is rejected in the same way', async () => {
    using directory = temporaryDirectory()
    const path = join(directory.path, 's')
    writeFileSync(path, '')
    await expect(clientOf(path).get('/')).rejects.toThrow(AgentNotRunning)
  })

  test('with an error response is rejected with the message of the response', async () => {
    await using agent = await fakeAgent((_, response) =>
      json(response, { error: { code: 'x', message: 'not so' } }, 400),
    )
    const failed = { message: 'the agent responded with HTTP status 400: not so', code: 'x' }
    await expect(clientOf(agent.socket).get('/')).rejects.toMatchObject(failed)
  })

  test('to a process that is not gatewatch is rejected', async () => {
    await using agent = await fakeAgent((_, response) => response.end('<html>'))
    await expect(clientOf(agent.socket).get('/')).rejects.toThrow(
      /^the process listening on .* is not gatewatch \(its reply is not JSON\)$/,
    )
  })

  test('is rejected if the connection closes during the response', async () => {
    await using agent = await fakeAgent((_, response) => {
      response.writeHead(200, { 'content-length': 100 })
      response.write('{')
      response.destroy()
    })
    await expect(clientOf(agent.socket).get('/')).rejects.toThrow(
      new ConnectionLost('the agent closed the connection during the request; try again'),
    )
  })
})

describe('a stream', () => {
  test('delivers each message and ends when the agent ends it', async () => {
    await using agent = await fakeAgent((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(':\n\nid: a-1\nevent: crash\nda')
      setImmediate(() => response.end('ta: {"x":1}\n\n'))
    })
    const received: SseMessage[] = []
    await clientOf(agent.socket).stream(
      '/api/v1/stream',
      (message) => received.push(message),
      new AbortController().signal,
    )
    expect(received).toEqual([{ id: 'a-1', event: 'crash', data: '{"x":1}' }])
  })

  test('ends when it is aborted', async () => {
    await using agent = await fakeAgent((_, response) => response.writeHead(200).write('data: 1\n\n'))
    const enough = new AbortController()
    await clientOf(agent.socket).stream('/', () => enough.abort(), enough.signal)
    expect(enough.signal.aborted).toBe(true)
  })

  test('ends if the agent dies in the middle', async () => {
    await using agent = await fakeAgent((_, response) => {
      response.writeHead(200).write('data: 1\n\n')
      setImmediate(() => response.destroy())
    })
    const received: string[] = []
    await clientOf(agent.socket).stream('/', ({ data }) => received.push(data), new AbortController().signal)
    expect(received).toEqual(['1'])
  })

  test('ends if the connection closes before the response', async () => {
    await using agent = await fakeAgent((_, response) => response.destroy())
    await clientOf(agent.socket).stream('/', () => {}, new AbortController().signal)
    expect(agent.requests).toHaveLength(1)
  })

  test('with an error response is rejected with the reason', async () => {
    await using agent = await fakeAgent((_, response) => json(response, { error: { message: 'too many' } }, 503))
    const stream = clientOf(agent.socket).stream('/', () => {}, new AbortController().signal)
    await expect(stream).rejects.toThrow('the agent responded with HTTP status 503: too many')
  })
})

test('messages are complete, however the stream is split into chunks', () => {
  const stream = ':hello\r\n\r\nid: 1\nevent: stop\ndata: a\ndata:b\n\nignored\n\nevent: start\n\nid: 2\ndata: c\n\n'
  for (let size = 1; size <= stream.length; size++) {
    const received: SseMessage[] = []
    const read = createSseReader((message) => received.push(message))
    for (let at = 0; at < stream.length; at += size) read(stream.slice(at, at + size))
    expect(received).toEqual([
      { id: '1', event: 'stop', data: 'a\nb' },
      { id: '2', event: '', data: 'c' },
    ])
  }
})
