// HTTP requests that would cost the agent much memory or CPU, or take all of its connections, for some seconds.
import { setTimeout as sleep } from 'node:timers/promises'
import {
  basicAuth,
  type ResponseCounts,
  request,
  type Server,
  send,
  sendEndlessly,
  sendMany,
  sendSlowly,
} from './client.ts'
import type { Addresses } from './network.ts'

/** Responses of an attack, and to a Prometheus that scrapes meanwhile from another address. */
export interface Costs {
  readonly responses: ResponseCounts
  readonly scrapes: ResponseCounts
  readonly slowestScrapeMs: number
}

/** The 7 KB request whose automata took 150 MB, and the largest that are permitted; eight at once. */
export function expensiveExpressions(server: Server, seconds: number, addresses: Addresses): Promise<Costs> {
  const match = (expression: string) => `match[]={__name__!~\`${expression.replaceAll('+', '%2B')}\`}`
  const paths = [
    Array.from({ length: 250 }, () => 'match[]={a!~`\\pL{1000}0`}').join('&'),
    [match('([a-z_]?){350}0'), match('([a-z_]|y?){150}z')].join('&'),
    match('\\pL'.repeat(20)),
    match(`[${'\\PL'.repeat(20)}]`),
  ].map((query) => request(`/federate?${query}`))
  return besideScrapes(server, addresses.prometheus, seconds, '', (running) =>
    sendMany(8, (i) => (running() ? (paths[i % paths.length] ?? null) : null), server, addresses.attacker),
  )
}

/** 24 clients with unknown names; Prometheus has a password. */
export function unknownUsers(server: Server, seconds: number, addresses: Addresses): Promise<Costs> {
  const wrong = (i: number) => request('/metrics', basicAuth(`unknown${i}`, `wrong${i}`))
  return besideScrapes(server, addresses.prometheus, seconds, basicAuth('prom', 'secret'), (running) =>
    sendMany(24, (i) => (running() ? wrong(i) : null), server, addresses.attacker),
  )
}

/** 80 slow clients from one address. */
export function slowClients(server: Server, seconds: number, addresses: Addresses): Promise<Costs> {
  return besideScrapes(server, addresses.prometheus, seconds, '', async (running) => {
    for (let i = 0; i < 80; i += 1) sendSlowly(server, i, addresses.attacker)
    while (running()) await sleep(100)
    return {}
  })
}

/** 60 clients that scrape as fast as they can, 15 from each of four addresses. */
export function manyScrapers(server: Server, seconds: number, addresses: Addresses): Promise<Costs> {
  const scrape = request('/metrics', 'Accept-Encoding: gzip\r\n')
  return besideScrapes(server, addresses.prometheus, seconds, '', async (running) => {
    const each = addresses.others.map((address) => sendMany(15, () => (running() ? scrape : null), server, address))
    const all: ResponseCounts = {}
    for (const counts of await Promise.all(each))
      for (const [code, count] of Object.entries(counts)) all[code] = (all[code] ?? 0) + count
    return all
  })
}

/** Eight WebSocket clients from one address that send empty messages as fast as they can. */
export function webSockets(server: Server, seconds: number, addresses: Addresses): Promise<Costs> {
  const handshake = request(
    '/api/v1/ws',
    'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n',
  ).replace('Connection: close', 'Connection: Upgrade')
  const messages = Buffer.alloc(60_000, Uint8Array.of(0x81, 0x80, 0, 0, 0, 0))
  return besideScrapes(server, addresses.prometheus, seconds, '', async (running) => {
    for (let i = 0; i < 8; i += 1) sendEndlessly(server, handshake, messages, addresses.attacker)
    while (running()) await sleep(100)
    return {}
  })
}

async function besideScrapes(
  server: Server,
  prometheus: string,
  seconds: number,
  headers: string,
  attack: (running: () => boolean) => Promise<ResponseCounts>,
): Promise<Costs> {
  const endMs = performance.now() + 1000 * seconds
  const running = () => performance.now() < endMs
  const attacking = attack(running)
  const scrapes: ResponseCounts = {}
  let slowestScrapeMs = 0
  while (running()) {
    const { code, ms } = await send(server, request('/metrics', headers), prometheus)
    scrapes[code] = (scrapes[code] ?? 0) + 1
    slowestScrapeMs = Math.max(slowestScrapeMs, ms)
    await sleep(1_000)
  }
  return { responses: await attacking, scrapes, slowestScrapeMs }
}
