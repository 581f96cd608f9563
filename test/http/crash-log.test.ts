// Journal lines are sent over the local socket, and never over TCP without authentication.
import { expect, test } from 'vitest'
import { ask, crash, emit, gateway, serve } from './fake-gateway.ts'

const LOG = ['password is hunter2']

test('the event history contains journal lines only on the local socket', async () => {
  const it = gateway()
  const { http, tcp, socket } = await serve(it)
  emit(it, http, crash(4, 'a.service', { log: LOG }))
  const path = '/api/v1/events?unit=a.service'
  expect(JSON.parse((await ask(socket, path)).body).events).toMatchObject([{ seq: 4, log: LOG }])
  const overTcp = await ask(tcp, path)
  expect(JSON.parse(overTcp.body).events).toMatchObject([{ seq: 4, event: 'crash' }])
  expect(overTcp.body).not.toContain('hunter2')
  expect(overTcp.body).not.toContain('"log"')
})
