// Lines of the journal are for this device's users: on the local socket, and never by TCP.
import { expect, test } from 'vitest'
import { ask, crash, emit, gateway, serve } from './fake-gateway.ts'

const LOG = ['password is hunter2']

test('history shows them on the socket only', async () => {
  const it = gateway()
  const { http, tcp, socket } = await serve(it)
  emit(it, http, crash(4, 'a.service', { log: LOG }))
  const path = '/api/v1/events?unit=a.service'
  expect(JSON.parse((await ask(socket, path)).body).events).toMatchObject([{ seq: 4, log: LOG }])
  const byTcp = await ask(tcp, path)
  expect(JSON.parse(byTcp.body).events).toMatchObject([{ seq: 4, event: 'crash' }])
  expect(byTcp.body).not.toContain('hunter2')
  expect(byTcp.body).not.toContain('"log"')
})
