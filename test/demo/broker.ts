// A real mosquitto for the demo's events, where the program is installed.
import { type Mosquitto, startMosquitto } from '../rig/mosquitto.ts'
import { until } from '../rig/until.ts'

export interface Broker extends AsyncDisposable {
  /** What the agent is told on its command line. */
  readonly args: readonly string[]
  /** The command that follows the events; null where there is no broker. */
  readonly subscribe: string | null
  /** Why there is none, in words. */
  readonly problem: string | null
}

const CONNECTED = /^gatewatch_mqtt_connected (\d)$/m
const CONNECTS_WITHIN_MS = 3_000

/** Never rejects: the demo goes on without a broker. */
export async function startBroker(): Promise<Broker> {
  let mosquitto: Mosquitto
  try {
    mosquitto = await startMosquitto()
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const problem = `no MQTT in this demo ('apt-get install mosquitto mosquitto-clients' helps): ${why}`
    return { args: ['--no-mqtt'], subscribe: null, problem, async [Symbol.asyncDispose]() {} }
  }
  return {
    args: ['--mqtt', mosquitto.url],
    subscribe: `mosquitto_sub -v -h 127.0.0.1 -p ${mosquitto.port} -t 'gatewatch/#'`,
    problem: null,
    [Symbol.asyncDispose]: () => mosquitto[Symbol.asyncDispose](),
  }
}

/** Whether the agent has the broker, by its own metrics. */
export async function reachesBroker(metricsUrl: string): Promise<boolean> {
  const connected = async () => CONNECTED.exec(await (await fetch(metricsUrl)).text())?.[1]
  const wait = {
    what: 'the agent to reach the broker',
    is: (told?: string) => told !== '0',
    timeoutMs: CONNECTS_WITHIN_MS,
  }
  return (await until(connected, wait).catch(() => '0')) === '1'
}
