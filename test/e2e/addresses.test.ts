// Addresses that not every machine has: no IPv6, and a broker at a link-local address.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Gatewatch, removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { describeUnless, missingPrograms, notRoot } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

const NO_BUS = 'unix:path=/no/such/bus'
const NO_IPV6 = ['python3', join(import.meta.dirname, '../rig/no-ipv6.py')]

describeUnless(notRoot() ?? missingPrograms('python3', 'unshare', 'ip', 'mosquitto'), 'the agent', () => {
  let directory: string
  let agent: Gatewatch | undefined
  beforeEach(() => {
    directory = temporaryDirectory()
  })
  afterEach(async () => {
    await agent?.end('SIGKILL')
    removeDirectory(directory)
  })

  test('listens on 0.0.0.0 instead of :: where there is no IPv6, and reports it', async () => {
    const args = ['--listen', '::']
    agent = await startGatewatch({ directory, busAddress: NO_BUS, args, commandPrefix: NO_IPV6 }, false)
    expect(agent.stderr()).toContain('[WARNING] http: this machine has no IPv6; listening on 0.0.0.0 instead of ::\n')
    expect((await agent.getJson('/api/v1/status'))['listening']).toMatch(/^0\.0\.0\.0:\d+$/)
  })

  test('connects to a broker at a link-local address, which needs the name of the interface', async () => {
    const broker = join(directory, 'mosquitto.conf')
    writeFileSync(broker, 'listener 1883 fe80::1%lo\nallow_anonymous true\nuser root\n')
    const enter = `ip link set lo up; ip -6 addr add fe80::1/64 dev lo nodad; mosquitto -d -c ${broker}; exec "$@"`
    const commandPrefix = ['unshare', '--net', '--pid', '--fork', '--kill-child', 'sh', '-c', enter, 'sh']
    const args = ['--mqtt', 'mqtt://[fe80::1%25lo]']
    agent = await startGatewatch({ directory, busAddress: NO_BUS, args, commandPrefix }, false)
    await until(() => agent?.stderr(), {
      what: 'the connection',
      is: (log) => log?.includes('mqtt: connected to mqtt://[fe80::1%25lo]:1883') ?? false,
    })
  })
})
