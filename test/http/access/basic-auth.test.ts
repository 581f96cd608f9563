// Password checks: who waits for whom, what is refused, and what an unknown user costs.
import { Socket } from 'node:net'
import { hashSync } from 'bcryptjs'
import { expect, test } from 'vitest'
import { createBasicAuth } from '../../../src/http/access/basic-auth.ts'
import { until } from '../fake-gateway.ts'

const SECRET = hashSync('secret', 4)
const USERS = new Map([['prom', SECRET]])

const header = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

/** Checks that end when the test says so; `secret` is right. */
function manualAuth(users: ReadonlyMap<string, string> = USERS) {
  const begun: { readonly password: string; readonly hash: string; readonly end: () => void }[] = []
  const auth = createBasicAuth(
    (password, hash) =>
      new Promise((resolve) => {
        begun.push({ password, hash, end: () => resolve(password === 'secret') })
      }),
  )
  let ended = 0
  return {
    begun,
    /** The status code for a request, 200 if it is not refused. */
    async statusFor(password: string, { user = 'prom', peer = '192.0.2.1', socket = new Socket() } = {}) {
      return (await auth.refusal(header(user, password), users, { peer, socket }))?.status ?? 200
    },
    /** Ends the check that runs; returns its password. */
    async endNext() {
      await until(() => begun.length > ended, 'the next check')
      expect(begun.length).toBe(ended + 1) // one at a time
      const check = begun[ended]
      ended += 1
      check?.end()
      return check?.password
    },
  }
}

test('a known password waits for no check, and a wrong one is remembered', async () => {
  const auth = manualAuth()
  const first = auth.statusFor('secret')
  await auth.endNext()
  expect(await first).toBe(200)
  const others = ['a', 'b', 'c', 'd'].map((password) => auth.statusFor(password))
  expect(await auth.statusFor('secret')).toBe(200)
  for (const password of ['a', 'b', 'c', 'd']) expect(await auth.endNext()).toBe(password)
  expect(await Promise.all(others)).toEqual([401, 401, 401, 401])
  expect(await auth.statusFor('c')).toBe(401)
  expect(auth.begun.length).toBe(5)
})

test('a peer has at most 4 unfinished checks; the next one must be repeated later', async () => {
  const auth = manualAuth()
  const first = ['a', 'b', 'c', 'd'].map((password) => auth.statusFor(password))
  expect(await auth.statusFor('e')).toBe(429)
  const other = auth.statusFor('e', { peer: '192.0.2.2' })
  await auth.endNext()
  await first[0]
  const later = auth.statusFor('f')
  for (let i = 0; i < 5; i += 1) await auth.endNext()
  expect(await Promise.all([...first, other, later])).toEqual([401, 401, 401, 401, 401, 401])
})

test('peers take turns, so that a peer with one password does not wait for all of another peer', async () => {
  const auth = manualAuth()
  const all = [
    ...['a1', 'a2', 'a3', 'a4'].map((password) => auth.statusFor(password, { peer: '192.0.2.1' })),
    ...['b1', 'b2'].map((password) => auth.statusFor(password, { peer: '192.0.2.2' })),
    auth.statusFor('secret', { peer: '192.0.2.3' }),
  ]
  const order: (string | undefined)[] = []
  for (let i = 0; i < all.length; i += 1) order.push(await auth.endNext())
  expect(order).toEqual(['a1', 'b1', 'secret', 'a2', 'b2', 'a3', 'a4'])
  expect(await Promise.all(all)).toEqual([401, 401, 401, 401, 401, 401, 200])
})

test('16 checks in total: a peer with many gives way to one with few, and a full queue is refused', async () => {
  const auth = manualAuth()
  const peers = ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4']
  const flood = peers.flatMap((peer) => [1, 2, 3, 4].map((i) => auth.statusFor(`${peer} ${i}`, { peer })))
  const late = auth.statusFor('secret', { peer: '192.0.2.5' })
  const more = Array.from({ length: 10 }, (_, i) => auth.statusFor('wrong', { user: `${i}`, peer: `198.51.100.${i}` }))
  // Now one check runs, and each of 15 peers has one that waits.
  expect(await auth.statusFor('wrong', { peer: '198.51.100.99' })).toBe(503)
  for (let i = 0; i < 16; i += 1) await auth.endNext()
  expect(await late).toBe(200)
  expect(await Promise.all(more)).toEqual(Array(10).fill(401))
  const results = await Promise.all(flood)
  expect(results.filter((status) => status === 401).length).toBe(5)
  expect(results.filter((status) => status === 503).length).toBe(11)
})

test('several requests with the same password are one check', async () => {
  const auth = manualAuth()
  const dashboard = Array.from({ length: 10 }, () => auth.statusFor('secret'))
  await auth.endNext()
  expect(await Promise.all(dashboard)).toEqual(Array(10).fill(200))
  expect(auth.begun.length).toBe(1)
})

test('the check of a client that has disconnected is dropped, unless another client waits for it', async () => {
  const auth = manualAuth()
  const [gone, alsoGone, shared] = [new Socket(), new Socket(), new Socket()]
  const running = auth.statusFor('a', { socket: gone })
  void auth.statusFor('b', { socket: alsoGone })
  void auth.statusFor('c', { socket: shared })
  const stays = auth.statusFor('c')
  for (const socket of [gone, alsoGone, shared]) socket.destroy()
  await until(() => shared.closed && gone.closed && alsoGone.closed, 'the clients to disconnect')
  await running
  // The running check counts until it ends, the dropped one does not.
  const [d, e] = [auth.statusFor('d'), auth.statusFor('e')]
  expect([await auth.endNext(), await auth.endNext(), await auth.endNext(), await auth.endNext()]).toEqual([
    ...['a', 'c', 'd', 'e'],
  ])
  expect([await stays, await d, await e]).toEqual([401, 401, 401])
  await auth.statusFor('f', { socket: gone })
  expect(auth.begun.length).toBe(4)
})

test('a connection with many requests keeps no listeners', async () => {
  const auth = manualAuth()
  const socket = new Socket()
  const before = socket.listenerCount('close')
  for (const password of ['a', 'b', 'c']) {
    const status = auth.statusFor(password, { socket })
    await auth.endNext()
    expect(await status).toBe(401)
  }
  expect(socket.listenerCount('close')).toBe(before)
})

test('an unknown user costs as much as the most expensive user of the file', async () => {
  const users = new Map([
    ['cheap', '$2y$06$/LhmyiLDtVqAAahTdg/AFOk0OUwF/h7rBFNn8wVFJvcuqBIWSk3xW'],
    ['dear', '$2a$12$/LhmyiLDtVqAAahTdg/AFOk0OUwF/h7rBFNn8wVFJvcuqBIWSk3xW'],
    ['usual', '$2b$10$/LhmyiLDtVqAAahTdg/AFOk0OUwF/h7rBFNn8wVFJvcuqBIWSk3xW'],
  ])
  const auth = manualAuth(users)
  // Even a password that fits the dummy hash gives no access.
  const status = auth.statusFor('secret', { user: 'unknown' })
  await auth.endNext()
  expect(await status).toBe(401)
  expect(auth.begun[0]?.hash).toMatch(/^\$2y\$12\$[./A-Za-z0-9]{53}$/)
})

test('a check that fails with an error fails its request only', async () => {
  let fails = true
  const auth = createBasicAuth(async () => {
    if (fails) throw new Error('not a hash')
    return true
  })
  const client = { peer: '192.0.2.1', socket: new Socket() }
  await expect(auth.refusal(header('prom', 'secret'), USERS, client)).rejects.toThrow('not a hash')
  fails = false
  expect(await auth.refusal(header('prom', 'secret'), USERS, client)).toBeNull()
})

test('a changed password applies at once', async () => {
  const auth = createBasicAuth(async (password, hash) => hash.endsWith(password))
  const client = { peer: '192.0.2.1', socket: new Socket() }
  const users = (end: string) => new Map([['prom', SECRET.slice(0, -3) + end]])
  expect(await auth.refusal(header('prom', 'old'), users('old'), client)).toBeNull()
  expect((await auth.refusal(header('prom', 'old'), users('new'), client))?.status).toBe(401)
  expect(await auth.refusal(header('prom', 'new'), users('new'), client)).toBeNull()
})
