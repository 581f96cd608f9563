// Pushes what a simulated gateway exposes on /metrics, with the real push.
import { systemClock } from '../../src/host/clock.ts'
import { createPost } from '../../src/remote-write/post.ts'
import type { Reading } from '../../src/remote-write/series.ts'
import { createRemoteWrite } from '../../src/remote-write/sink.ts'
import { remoteWriteConfig } from '../remote-write/gateway.ts'

export interface Pushing extends AsyncDisposable {
  problem(): string | null
}

/** Once a second to `receiver`. `families`: the names of those that are pushed; null: all. */
export function pushFrom(
  scrapeUrl: string,
  receiver: string,
  gatewayId: string,
  families: readonly string[] | null,
): Pushing {
  const config = remoteWriteConfig({ url: `${receiver}/api/v1/write`, interval: 1 })
  const remoteWrite = createRemoteWrite({
    config: () => config,
    gatewayId,
    async read() {
      const series = readingsIn(await (await fetch(scrapeUrl)).text())
      const selected = series.filter(({ labels }) => families?.includes(labels.get('__name__') ?? '') ?? true)
      return { series: selected, atMonoMs: systemClock.now().monoMs }
    },
    clockIsWrong: () => false,
    post: createPost(() => config, '0.1.0', systemClock),
    clock: systemClock,
    log() {},
    random: () => 0,
  })
  return { problem: () => remoteWrite.health().problem, [Symbol.asyncDispose]: () => remoteWrite.stop() }
}

function readingsIn(text: string): Reading[] {
  return [...text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm)].map(([, name = '', labels = '', value]) => ({
    labels: new Map([
      ['__name__', name],
      ...[...labels.matchAll(/(\w+)="((?:\\.|[^"\\])*)"/g)].map(([, label = '', v = '']) => [label, v] as const),
    ]),
    value: Number(value),
  }))
}
