// The MQTT broker of the demo: mosquitto, or a broker inside this process if mosquitto is not installed.
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { messageOf } from '../../src/core/error-text.ts'
import { MOSQUITTO, startMosquitto } from '../rig/mosquitto.ts'
import { missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

export interface Broker extends AsyncDisposable {
  /** Options for the agent's command line. */
  readonly args: readonly string[]
  /** The command that follows the events; null if there is no broker. */
  readonly subscribe: string | null
  /** Why there is no broker; null if there is one. */
  readonly problem: string | null
}

const CONNECTED = /^gatewatch_mqtt_connected (\d)$/m
const CONNECT_TIMEOUT_MS = 3_000

/** Never rejects: the demo can run without a broker. */
export async function startBroker(): Promise<Broker> {
  try {
    return await (missingPrograms(...MOSQUITTO) === null ? startMosquittoBroker() : startEmbeddedBroker())
  } catch (error) {
    return {
      args: ['--no-mqtt'],
      subscribe: null,
      problem: `no MQTT in this demo: ${messageOf(error)}`,
      async [Symbol.asyncDispose]() {},
    }
  }
}

async function startMosquittoBroker(): Promise<Broker> {
  const mosquitto = await startMosquitto()
  return {
    args: ['--mqtt', mosquitto.url],
    subscribe: `mosquitto_sub -v -h 127.0.0.1 -p ${mosquitto.port} -t 'gatewatch/#'`,
    problem: null,
    [Symbol.asyncDispose]: () => mosquitto[Symbol.asyncDispose](),
  }
}

/** The subscriber is the one of MQTT.js, because mosquitto_sub is missing too. */
export async function startEmbeddedBroker(): Promise<Broker> {
  const { Aedes } = await import('aedes')
  const broker = await Aedes.createBroker()
  const clients = new Set<Socket>()
  const server = createServer((socket) => {
    clients.add(socket.on('close', () => clients.delete(socket)))
    broker.handle(socket)
  })
  await new Promise<void>((resolve, reject) => server.on('error', reject).listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    args: ['--mqtt', `mqtt://127.0.0.1:${port}`],
    subscribe: `npx mqtt sub -v -h 127.0.0.1 -p ${port} -t 'gatewatch/#'`,
    problem: null,
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.destroy()
      await new Promise((resolve) => server.close(resolve))
      await new Promise<void>((resolve) => broker.close(resolve))
    },
  }
}

/** Whether the agent is connected to the broker, according to its metrics. */
export async function reachesBroker(metricsUrl: string): Promise<boolean> {
  const connected = async () => CONNECTED.exec(await (await fetch(metricsUrl)).text())?.[1]
  const wait = {
    what: 'the agent to connect to the broker',
    is: (value?: string) => value !== '0',
    timeoutMs: CONNECT_TIMEOUT_MS,
  }
  return (await until(connected, wait).catch(() => '0')) === '1'
}
