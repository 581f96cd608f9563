// The power goes after any operation, with any part of what was not synced kept, lost or torn: the old state or the new one.
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import type { State } from '../../src/core/state.ts'
import { PAGE_BYTES } from '../../src/store/page.ts'
import { recover } from '../../src/store/recovery.ts'
import { takeUp } from '../../src/store/take-up.ts'
import type { Entry } from './memory-fs.ts'
import { bench, PATH } from './opened.ts'
import { crashStep, freshState, names } from './sample.ts'

interface Life {
  readonly log: readonly Entry[]
  readonly states: readonly State[]
  /** How many operations had been done when a state was remembered, and when it was acknowledged. */
  readonly remembered: readonly number[]
  readonly acknowledged: readonly number[]
}

type Write = Extract<Entry, { op: 'pwrite' }>

async function live(commits: number, units: number, trouble = false): Promise<Life> {
  const { fs, open, clock } = bench(units)
  const { store, state } = await open({ runtimeDir: null })
  const states = [state]
  const remembered = [0]
  const acknowledged = [fs.log.length]
  for (let i = 0; i < commits; i++) {
    const step = crashStep(states.at(-1) as State, names(units)[i % units] as string, clock.now().monoMs)
    states.push(step.after)
    remembered.push(fs.log.length)
    store.remember(step)
    if (trouble && i % 5 === 2) {
      fs.fault = (op) => {
        if (op === 'fdatasync') throw Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' })
        return undefined
      }
      await store.flush()
      fs.fault = () => undefined
      await clock.go(5 * 60_000)
    } else await store.flush()
    acknowledged.push(fs.log.length)
  }
  return { log: fs.log, states, remembered, acknowledged }
}

/** Every image that flash may hold after the first `done` operations. `synced: false` is a program without fdatasync. */
function* imagesAfter(log: readonly Entry[], done: number, synced = true): Generator<Buffer | null> {
  const past = log.slice(0, done)
  const lastDirSync = past.findLastIndex((e) => e.op === 'fsyncDir')
  const names: (number | null)[] = [null]
  for (const [i, e] of past.entries()) {
    if (e.op !== 'rename' || e.to !== PATH) continue
    if (i < lastDirSync) names.length = 0
    names.push(e.ino)
  }
  for (const ino of names) {
    if (ino === null) {
      yield null
      continue
    }
    const lastSync = synced ? past.findLastIndex((e) => e.op === 'fdatasync' && e.ino === ino) : -1
    const writes = past.flatMap((e, i) => (e.op === 'pwrite' && e.ino === ino ? [{ e, i }] : []))
    const base = Buffer.alloc(256 * PAGE_BYTES)
    for (const { e, i } of writes) if (i < lastSync) base.set(e.bytes, e.at)
    const pending = writes.filter(({ i }) => i > lastSync).map(({ e }) => e)
    yield* variants(base, pending)
  }
}

function* variants(base: Buffer, pending: readonly Write[]): Generator<Buffer> {
  const having = (writes: readonly Write[]) => {
    const image = Buffer.from(base)
    for (const write of writes) image.set(write.bytes, write.at)
    return image
  }
  yield base
  if (pending.length === 0) return
  yield having(pending)
  for (const write of pending.slice(-12)) yield having([write])
  for (let n = 0; n < 3; n++) yield having(pending.filter((_, i) => (i * 7 + n * 3) % 5 < 2))
  const last = pending.at(-1) as Write
  for (let cut = 512; cut < Math.min(last.bytes.length, PAGE_BYTES); cut += 512) {
    const torn = { ...last, bytes: last.bytes.subarray(0, cut) }
    yield having([...pending.slice(0, -1), torn])
    const rest = Buffer.alloc(last.bytes.length - cut, 0xa5)
    yield having([...pending.slice(0, -1), { ...last, bytes: Buffer.concat([torn.bytes, rest]) }])
  }
}

/** Returns how many images were looked at, and throws on the first that lost what it must not lose. */
function check({ log, states, remembered, acknowledged }: Life, from = 0, synced = true): number {
  const seen = new Set<string>()
  for (let done = from; done <= log.length; done++) {
    const newest = remembered.findLastIndex((at) => at <= done)
    const least = acknowledged.findLastIndex((at) => at <= done)
    for (const image of imagesAfter(log, done, synced)) {
      const key = `${least} ${newest} ${image === null ? '' : createHash('sha1').update(image).digest('hex')}`
      if (seen.has(key)) continue
      seen.add(key)
      const read = recover(image ?? new Uint8Array())
      if (read.state === null && least < 0) continue
      const found = states.findIndex((s) => s.seq === read.state?.seq)
      expect(found).toBeGreaterThanOrEqual(least)
      expect(found).toBeLessThanOrEqual(newest)
      expect(read.state?.units).toEqual(states[found]?.units)
      const next = takeUp(read, [], null, freshState(1)(), image === null)
      expect(next.state.seq).toBeGreaterThanOrEqual(states[newest]?.seq ?? 0)
    }
  }
  return seen.size
}

test('from the first operation on, over the first snapshots', async () => {
  expect(check(await live(70, 2))).toBeGreaterThan(500)
}, 120_000)

test('snapshots of several pages', async () => {
  expect(check(await live(66, 40), 120)).toBeGreaterThan(80)
}, 120_000)

test('around the end of the ring, where pages of earlier rounds lie', async () => {
  const life = await live(330, 2)
  expect(check(life, life.log.length - 70)).toBeGreaterThan(300)
}, 120_000)

test('with commits that fail, and new files made for them', async () => {
  expect(check(await live(14, 2, true), 8)).toBeGreaterThan(100)
}, 120_000)

test('a program without fdatasync fails this test', async () => {
  const life = await live(20, 2)
  expect(() => check(life, 10, false)).toThrow()
})
