// The receivers of a simulated fleet, each with gateways of its own links: what they store, and what that costs them.
import { spawnSync } from 'node:child_process'
import type { Post } from '../../src/remote-write/options.ts'
import { cpuMs, rssAnonMb } from '../rig/process-usage.ts'
import { type Queryable, startPrometheusWith } from '../rig/prometheus.ts'
import { startVictoriaMetrics } from '../rig/victoria-metrics.ts'
import { createLinks, type Links } from './links.ts'
import { type PushingGateway, startPushingGateway } from './pushing-gateway.ts'

export interface Response {
  readonly gateway: number
  /** As performance.now(). */
  readonly atMs: number
  readonly status: number
  /** Of the body of its request, as sent. */
  readonly bytes: number
}

export interface Receiver {
  readonly name: string
  readonly server: Queryable
  readonly links: Links
  readonly gateways: readonly PushingGateway[]
  /** Those that arrived at their gateways. */
  readonly responses: readonly Response[]
}

/** What is measured at one time. */
export interface Usage {
  readonly atMs: number
  readonly cpuMs: number
  readonly anonymousMb: number
  /** On disk. */
  readonly mb: number
  /** Samples that the gateways know to be stored. */
  readonly accepted: number
}

/** Prometheus with the shipped window for late samples, and VictoriaMetrics as its package starts it. */
export async function startReceivers(gateways: number): Promise<readonly Receiver[]> {
  const storage = { tsdb: { out_of_order_time_window: '3h' } }
  const prometheus = await startPrometheusWith(
    { 'prometheus.yml': JSON.stringify({ storage }) },
    '--web.enable-remote-write-receiver',
    // Each gateway keeps a connection. By default, 512 are accepted, and all further gateways get no response.
    `--web.max-connections=${gateways + 100}`,
  )
  const victoriaMetrics = await startVictoriaMetrics('-memory.allowedBytes=0')
  return [receiver('Prometheus', prometheus, gateways), receiver('VictoriaMetrics', victoriaMetrics, gateways)]
}

function receiver(name: string, server: Queryable, count: number): Receiver {
  const links = createLinks(count)
  const responses: Response[] = []
  const recorded =
    (gateway: number, post: Post): Post =>
    async (body, signal) => {
      const response = await post(body, signal)
      responses.push({ gateway, atMs: performance.now(), status: response.status, bytes: body.length })
      return response
    }
  const start = (gateway: number) =>
    startPushingGateway(gateway, `${server.url}/api/v1/write`, (post) => {
      return recorded(gateway, links.through(gateway, post))
    })
  return { name, server, links, responses, gateways: Array.from({ length: count }, (_, gateway) => start(gateway)) }
}

export function usageOf({ server, gateways }: Receiver): Usage {
  // du fails, but also prints the sum, when a directory disappears meanwhile.
  const { stdout } = spawnSync('du', ['-s', '-B1', `${server.directory}/data`], { encoding: 'utf8' })
  const accepted = gateways.reduce((sum, { health }) => sum + health().sent, 0)
  const { pid } = server
  const mb = Number.parseInt(stdout, 10) / 1e6
  return { atMs: performance.now(), cpuMs: cpuMs(pid), anonymousMb: rssAnonMb(pid), mb, accepted }
}

/** Samples that wait in the gateways. */
export function pending({ gateways }: Receiver): number {
  return gateways.reduce((sum, { health }) => sum + health().pending, 0)
}

/** What a receiver has in the end, and what it should have. */
export async function compare({ server, gateways }: Receiver) {
  const number = async (promql: string) => Number((await server.query(promql))[0]?.value[1])
  const drops = gateways.flatMap(({ health }) => Object.values(health().dropped))
  return {
    // Of the last two hours; the clocks of some gateways are minutes ahead.
    pushes: { stored: await number('sum(count_over_time(up[2h] offset -10m))'), made: total(gateways, 'times') },
    crashes: {
      stored: await number('sum(last_over_time(systemd_service_crashes_total[2h] offset -10m))'),
      made: total(gateways, 'crashes'),
    },
    dropped: drops.reduce((sum, samples) => sum + samples, 0),
  }
}

function total(gateways: readonly PushingGateway[], what: keyof PushingGateway['pushed']): number {
  return gateways.reduce((sum, { pushed }) => sum + pushed[what], 0)
}
