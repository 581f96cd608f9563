// `npm run bench:attack [NAME...]`: attacks one of two agents on the same systemd, and prints whether it survived, its memory and its delays.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { hashSync } from 'bcryptjs'
import { headOf } from '../../src/store/format/head-record.ts'
import { encodePage } from '../../src/store/format/page.ts'
import { createPageBuilder } from '../../src/store/format/page-records.ts'
import { type AttackOptions, measureAttack } from '../rig/attack/agent-under-attack.ts'
import { type BrokerAttack, startHostileBroker } from '../rig/attack/broker.ts'
import { attackBus, busClients, type HostileMessages } from '../rig/attack/bus.ts'
import type { Costs } from '../rig/attack/costly-requests.ts'
import { ADDRESSES, attackOverHttp, IN_OWN_NETWORK } from '../rig/attack/network.ts'
import { DYING_UNIT } from '../rig/crash-times.ts'
import { removeDirectory, temporaryDirectory } from '../rig/gatewatch.ts'
import { cpuMs, percentile } from '../rig/process-usage.ts'
import { BOOT, busyUnit, stateOf } from '../store/sample.ts'

const SECONDS = 15
const MALFORMED_REQUESTS = 10_000
const CRASH_EVERY_S = 0.2
const MIB = 1 << 20

type Attack = Omit<AttackOptions<string>, 'crashEveryS' | 'limitMemory'>

const directory = temporaryDirectory()
const token = join(directory, 'token')
writeFileSync(token, 'topsecret')
/** Basic auth with a password of this cost. */
const webConfig = (cost: number) => {
  const path = join(directory, `web-${cost}.yml`)
  writeFileSync(path, `basic_auth_users: {prom: ${hashSync('secret', cost)}}`)
  return path
}

const ATTACKS: Readonly<Record<string, () => Attack | Promise<Attack>>> = {
  nothing: () => ({ attack: () => sleep(1000 * SECONDS).then(() => '') }),
  malformed: () => ({
    both: {
      env: {
        GATEWATCH_CONTROL_ENABLED: 'true',
        GATEWATCH_CONTROL_TOKEN_FILE: token,
        GATEWATCH_WEB_CONFIG_FILE: webConfig(8),
      },
    },
    async attack({ agent }) {
      return JSON.stringify(await attackOverHttp('malformedRequests', agent.pid, agent.url, MALFORMED_REQUESTS))
    },
  }),
  federate: () => overHttp('expensiveExpressions'),
  passwords: () => overHttp('unknownUsers', { GATEWATCH_WEB_CONFIG_FILE: webConfig(12) }),
  slow: () => overHttp('slowClients'),
  scrapers: () => overHttp('manyScrapers'),
  'web-sockets': () => overHttp('webSockets'),
  'bus-huge': () => overBus({ count: 30, bodyBytes: 17 * MIB }),
  'bus-large': () => overBus({ count: 30, bodyBytes: 15 * MIB }),
  'bus-flood': () => overBus({ count: 100_000, member: 'PropertiesChanged' }),
  'state-file': () => fromPoisonedStateFile(),
  'mqtt-huge': () => byBroker('huge'),
  'mqtt-qos2': () => byBroker('qos2'),
  'mqtt-flood': () => byBroker('flood'),
}

/** One of the attacks of costly-requests.ts, in a network of its own, since clients on the loopback address have no limit. */
function overHttp(kind: string, env: Readonly<Record<string, string>> = {}): Attack {
  return {
    attacked: { env, args: ['--listen', ADDRESSES.agent], commandPrefix: IN_OWN_NETWORK },
    async attack({ agent }) {
      const costs = (await attackOverHttp(kind, agent.pid, agent.url, SECONDS)) as Costs
      return `${JSON.stringify(costs.responses)}; scrapes of Prometheus: ${JSON.stringify(costs.scrapes)}, slowest ${costs.slowestScrapeMs.toFixed(0)} ms`
    },
  }
}

/** Signals that another user sends to the agent over the system bus. */
function overBus(messages: HostileMessages): Attack {
  return {
    async attack({ agent, systemd, crashes }) {
      const attacked = (await busClients(systemd)).at(-1) ?? '' // it was started last
      const [before, startMs] = [cpuMs(agent.pid), performance.now()]
      const sent = attackBus(systemd.busAddress, attacked, [messages])
      await Promise.all([sent, crashes(SECONDS / CRASH_EVERY_S)])
      const skipped = await agent.metric('gatewatch_bus_malformed_total')
      return `${messages.count} messages; ${cpuMs(agent.pid) - before} ms of CPU in ${((performance.now() - startMs) / 1000).toFixed(0)} s, with the crashes; malformed: ${skipped}`
    },
  }
}

/** A page with a valid checksum whose commit number cannot be incremented. It ended the agent at every start. */
function fromPoisonedStateFile(): Attack {
  const home = temporaryDirectory() // removed with the agent
  const last = Number.MAX_SAFE_INTEGER
  const page = createPageBuilder()
  page.head(headOf(stateOf([busyUnit(DYING_UNIT, 99)]), { reserved: 10, acknowledged: 0, published: [], clean: false }))
  const header = { kind: 'snapshot', part: 0, parts: 1, seq: last, base: last, boot: BOOT, wallMs: 0 } as const
  writeFileSync(join(home, 'state.ring'), Buffer.concat([encodePage(header, page.bytes()), Buffer.alloc(MIB)]))
  return {
    attacked: { directory: home },
    async attack({ agent, crashes }) {
      await crashes(SECONDS / CRASH_EVERY_S)
      return /state file.*/.exec(agent.stderr())?.[0] ?? ''
    },
  }
}

/** What the broker of the agent sends; the other agent has no broker. */
async function byBroker(kind: BrokerAttack): Promise<Attack> {
  const broker = await startHostileBroker(kind)
  return {
    attacked: { args: ['--mqtt', broker.url] },
    async attack({ agent, crashes }) {
      await crashes(SECONDS / CRASH_EVERY_S)
      const { mqtt } = (await agent.getJson('/api/v1/status')) as { mqtt?: { problem: string | null } }
      await broker[Symbol.asyncDispose]()
      return `${broker.connections()} connections; ${mqtt?.problem}`
    },
  }
}

const ms = (values: readonly number[], share: number) => percentile(values, share).toFixed(0)

try {
  const names = process.argv.slice(2)
  for (const name of names.length > 0 ? names : Object.keys(ATTACKS)) {
    const attack = ATTACKS[name]
    if (attack === undefined) throw new Error(`no such attack: ${name}; there are ${Object.keys(ATTACKS).join(', ')}`)
    const run = await measureAttack({ ...(await attack()), crashEveryS: CRASH_EVERY_S, limitMemory: true })
    console.log(
      [
        name.padEnd(10),
        run.killed ? 'KILLED' : 'alive',
        `peak ${run.peakMb?.toFixed(0)} MB`,
        `${run.counted} of ${run.died} crashes counted, ${run.lost} lost`,
        `${run.attackedMs.length} crashes during the attack: median ${ms(run.attackedMs, 0.5)} ms, p99 ${ms(run.attackedMs, 0.99)} ms; other agent ${ms(run.otherMs, 0.5)} ms, ${ms(run.otherMs, 0.99)} ms`,
      ].join(' | '),
    )
    if (run.result) console.log(`  ${run.result}`)
  }
} finally {
  removeDirectory(directory)
}
