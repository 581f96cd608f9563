// The built agent and its clients in a network namespace, where other addresses than loopback are real. Prints JSON.
// Run by `unshare --net`.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { hashSync } from 'bcryptjs'
import { basicAuth, request, send } from '../rig/attack/client.ts'
import { removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { until } from '../rig/until.ts'

const ATTACKER = '192.0.2.10'
const OTHER = '192.0.2.20'
/** All in one network of 64 bits. */
const NETWORK = Array.from({ length: 20 }, (_, i) => `2001:db8:1:2::${i + 16}`)
const SAME_NETWORK = '2001:db8:1:2:3::1'

execFileSync('ip', ['link', 'set', 'lo', 'up'])
for (const address of [ATTACKER, OTHER]) execFileSync('ip', ['address', 'add', `${address}/32`, 'dev', 'lo'])
for (const address of [...NETWORK, SAME_NETWORK])
  execFileSync('ip', ['-6', 'address', 'add', `${address}/128`, 'dev', 'lo', 'nodad'])

const directory = temporaryDirectory()
const web = join(directory, 'web.yml')
const users = ['one', 'two', 'three', 'four'].map((name) => `${name}: ${hashSync(`secret of ${name}`, 8)}`)
writeFileSync(web, `basic_auth_users: {${users.join(', ')}}\n`)
const env = { GATEWATCH_WEB_CONFIG_FILE: web }
const args = ['--listen', '::']
const agent = await startGatewatch(
  { directory, services: ['a'], busAddress: 'unix:path=/no/such/bus', env, args },
  false,
)
const port = Number(/(\d+)$/.exec(agent.url)?.[1])

/** The status code for a request from this address with this password. The agent's address is the client's own. */
async function scrape(from: string, user: string, password = `secret of ${user}`): Promise<number> {
  const { code } = await send({ host: from, port }, request('/metrics', basicAuth(user, password)), from)
  return Number(code)
}

/** Connects and sends a part of a header; resolves when it is connected. */
function slow(from: string): Promise<Socket> {
  const socket = connect({ host: from, localAddress: from, port })
  socket.on('error', () => {})
  socket.on('data', () => {})
  return new Promise((resolve) => {
    socket.once('connect', () => {
      socket.write('GET /metrics HTTP/1.1\r\n')
      resolve(socket)
    })
  })
}

async function atMost16Of(sockets: readonly Socket[]): Promise<void> {
  const open = () => sockets.filter((socket) => !socket.closed).length
  await until(open, { what: 'the excess connections to be dropped', is: (count) => count <= 16 })
}

try {
  const attackers: Socket[] = []
  for (let i = 0; i < 80; i += 1) attackers.push(await slow(ATTACKER))
  await atMost16Of(attackers)
  const neighbours: Socket[] = []
  for (let i = 0; i < 80; i += 1) neighbours.push(await slow(NETWORK[i % NETWORK.length] ?? ''))
  await atMost16Of(neighbours)
  const served = [
    await scrape(OTHER, 'one'),
    await scrape(SAME_NETWORK, 'one'),
    await scrape('127.0.0.1', 'one'),
    await scrape('::1', 'one'),
  ]
  for (const socket of [...attackers, ...neighbours]) socket.destroy()

  let flooding = true
  const codes = new Set<number>()
  const flood = Array.from({ length: 12 }, async (_, client) => {
    for (let i = 0; flooding; i += 1) codes.add(await scrape(ATTACKER, `unknown ${client} ${i}`, 'guess'))
  })
  await until(() => codes.has(429), { what: 'the flood to exceed its limit' })
  const known = [await scrape(OTHER, 'one'), await scrape(ATTACKER, 'one')]
  const first = [await scrape(OTHER, 'two'), await scrape('127.0.0.1', 'three'), await scrape(SAME_NETWORK, 'four')]
  flooding = false
  await Promise.all(flood)
  console.log(JSON.stringify({ served, known, first, flood: [...codes].sort() }))
} finally {
  await agent.end()
  removeDirectory(directory)
}
