// Timers of the real clock: data that waits in a socket is read before a due timer is called.
import { connect, createServer, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { systemClock } from '../../src/host/clock.ts'
import { until } from '../rig/until.ts'

test('a due timer is not called before a message that has already arrived', async () => {
  const order: string[] = []
  let near: Socket | undefined
  const server = createServer((socket) => {
    near = socket.on('data', () => order.push('message'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const far = connect(address.port, '127.0.0.1')
  await until(() => near !== undefined, { what: 'the connection' })
  systemClock.after(1, () => order.push('timer'))
  far.write('x')
  for (const from = performance.now(); performance.now() - from < 30; ); // busy: both are due afterwards
  await until(() => order.length === 2, { what: 'both' })
  expect(order).toEqual(['message', 'timer'])
  for (const socket of [far, near]) socket?.destroy()
  await new Promise((resolve) => server.close(resolve))
})

test('a cancelled timer is not called', async () => {
  const called: number[] = []
  systemClock.after(1, () => called.push(1))()
  await new Promise<void>((resolve) => void systemClock.after(20, resolve))
  expect(called).toEqual([])
})
