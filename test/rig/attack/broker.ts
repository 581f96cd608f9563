// Starts a hostile broker for a test or a benchmark: it accepts the agent, acknowledges what it publishes, and attacks it.
import { fileURLToPath } from 'node:url'
import { startRigProcess } from '../mosquitto-sub.ts'
import { until } from '../until.ts'

/**
 * `huge`: one PUBLISH of 200 MB after another. `qos2`: messages with QoS 2 whose handshake is never finished. `flood`:
 * small messages. Each as fast as the agent reads, on every connection from its CONNACK on.
 */
export type BrokerAttack = 'huge' | 'qos2' | 'flood'

export const BROKER_ATTACKS: readonly BrokerAttack[] = ['huge', 'qos2', 'flood']

export interface HostileBroker extends AsyncDisposable {
  readonly url: string
  /** How often the agent has connected. */
  connections(): number
}

export async function startHostileBroker(attack: BrokerAttack): Promise<HostileBroker> {
  const script = fileURLToPath(new URL('broker-process.ts', import.meta.url))
  const child = startRigProcess(process.execPath, ['--import', 'tsx', script, attack])
  let [stdout, stderr] = ['', '']
  child.process.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const port = await until(() => /^port (\d+)$/m.exec(stdout)?.[1], {
    what: 'the hostile broker to listen',
    timeoutMs: 30_000,
    is: (found) => found !== undefined || child.ended(),
  })
  if (port === undefined) throw new Error(`the hostile broker exited: ${stderr}`)
  return {
    url: `mqtt://127.0.0.1:${port}`,
    connections: () => stdout.split('connection\n').length - 1,
    [Symbol.asyncDispose]: () => child.end('SIGKILL'),
  }
}
