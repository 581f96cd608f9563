// `npm run bench:flash`: what reaches the device, by its own counters, beside what the agent says and what others write.
// Days pass in seconds: the clock is a test's, and where five seconds of it pass the journal is written as it would be.
import { execFileSync } from 'node:child_process'
import * as node from 'node:fs'
import { join } from 'node:path'
import { newState, type State } from '../../src/core/state.ts'
import { step } from '../../src/core/step.ts'
import { type Fs, nodeFs } from '../../src/store/fs.ts'
import { openStore } from '../../src/store/open.ts'
import { recover } from '../../src/store/recovery.ts'
import { sideWritesAt } from '../../src/store/side-writes.ts'
import { IDLE } from '../core/lives.ts'
import { removeDirectory, temporaryDirectory } from '../rig/gatewatch.ts'
import { settled, testClock } from '../store/clock.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const JOURNAL_EVERY_MS = 5_000
/** eMMC of 4 GB, 3,000 erase cycles, write amplification 4. */
const LIFE_BYTES = (4e9 * 3000) / 4

/** What happens at a time: runs of a unit begin and end, a crash is an end with a signal. */
interface Happening {
  readonly atMs: number
  readonly unit: number
  readonly what: 'start' | 'stop' | 'crash' | 'scrape'
}

interface Day {
  readonly units: number
  readonly happenings: readonly Happening[]
  readonly flushIntervalMs?: number
}

/** The same on every run. */
function random(seed: number): () => number {
  let now = seed
  return () => {
    now = (now * 48271) % 2147483647
    return now / 2147483647
  }
}

const crashAndRestart = (atMs: number, unit: number): Happening[] => [
  { atMs, unit, what: 'crash' },
  { atMs: atMs + 100, unit, what: 'start' },
]
const loop = (everyMs: number, units: number) =>
  Array.from({ length: Math.floor(DAY / everyMs) - 1 }, (_, i) => crashAndRestart((i + 1) * everyMs, i % units)).flat()
const scrapes = Array.from(
  { length: DAY / 15_000 },
  (_, i): Happening => ({ atMs: i * 15_000, unit: 0, what: 'scrape' }),
)
const anyTime = (n: number, units: number, happens: (atMs: number, unit: number) => Happening[]) => {
  const next = random(n)
  return Array.from({ length: n }, () =>
    happens(Math.floor(next() * (DAY - MINUTE)), Math.floor(next() * units)),
  ).flat()
}
const restartByHand = (atMs: number, unit: number): Happening[] => [
  { atMs, unit, what: 'stop' },
  { atMs: atMs + 1_000, unit, what: 'start' },
]

const DAYS: Readonly<Record<string, Day>> = {
  'nothing happens': { units: 12, happenings: scrapes },
  'calm: 30 crashes and restarts': { units: 12, happenings: anyTime(30, 12, crashAndRestart) },
  'busy: 200 units, 2,000 restarts, 200 crashes': {
    units: 200,
    happenings: [...anyTime(2_000, 200, restartByHand), ...anyTime(200, 200, crashAndRestart)],
  },
  'endless crash loop, every 5 s': { units: 12, happenings: loop(5_000, 1) },
  'the same, scraped every 15 s': { units: 12, happenings: [...loop(5_000, 1), ...scrapes] },
  'the same, flush_interval 300': {
    units: 12,
    happenings: [...loop(5_000, 1), ...scrapes],
    flushIntervalMs: 5 * MINUTE,
  },
  '1,000 units in a loop, one every 5 s': { units: 1000, happenings: [...loop(5_000, 1000), ...scrapes] },
}

const KINDS = { ext4: ['mkfs.ext4', '-q', '-b', '4096', '-E', 'lazy_itable_init=0,lazy_journal_init=0'] } as const

const device = mounted()
try {
  const one = saves()
  console.log(
    `one save that stands alone, ext4 with 4 KiB blocks, bytes to the device: one page ${one.page}; ${''}temp file, fsync, rename, fsync of the directory ${one.renamed}`,
  )
  heads()
  for (const [name, day] of Object.entries(DAYS)) await live(name, day, one.renamed)
  fullRing()
} finally {
  device.end()
}

function heads(): void {
  console.log(
    [
      'a day'.padEnd(46),
      ...['events', 'commits', 'to the device', 'as the agent says', 'renames, a commit', 'renames, an event'].map(
        (head) => head.padStart(18),
      ),
      '10 years of it, of a 4 GB eMMC'.padStart(32),
    ].join(''),
  )
}

async function live(
  name: string,
  { units, happenings, flushIntervalMs = MINUTE }: Day,
  renamed: number,
): Promise<void> {
  const { clock, fs } = dayOnFlash()
  const path = join(device.directory, `state-${Object.keys(DAYS).indexOf(name)}.ring`)
  const names = Array.from({ length: units }, (_, i) => `wirepas-sink-${i}.service`)
  const opened = await openStore({
    ...{ path, runtimeDir: null, clock, log: () => {}, flushIntervalMs, fs },
    ...{ sideWrites: sideWritesAt(device.directory), fresh: () => newState('00112233aabbccdd') },
  })
  const { store } = opened
  let state: State = opened.state
  let events = 0
  const tell = (observation: Parameters<typeof step>[1]) => {
    const before = state
    const told = step(before, observation)
    state = told.state
    events += told.events.length
    store.remember({ before, after: state, events: told.events, at: clock.now() })
  }
  tell({ kind: 'watch', at: clock.now(), units: names, patterns: [] })
  const runs = new Map<number, string>()
  let run = 0
  const happen = ({ unit, what }: Happening) => {
    const name = names[unit] as string
    const id = what === 'start' ? (++run).toString(16).padStart(32, '0') : (runs.get(unit) ?? null)
    runs.set(unit, id ?? '')
    const seen = { ...IDLE, invocationId: id, job: what === 'crash' ? 0 : ++run, changedAtMonoMs: clock.now().monoMs }
    const running = { activeState: 'active', subState: 'running' }
    const failed = { activeState: 'failed', subState: 'failed', result: 'signal', mainCode: 2, mainStatus: 9 }
    tell({
      kind: 'signal',
      unit: name,
      at: clock.now(),
      seen: { ...seen, ...(what === 'start' ? running : what === 'crash' ? failed : {}) },
    })
  }
  for (let unit = 0; unit < units; unit++) happen({ atMs: 0, unit, what: 'start' })
  await store.flush()
  await clock.go(10 * MINUTE)
  device.sync()
  const [bytes, commits, said] = [device.written(), store.health().commits, store.health().bytesWritten]
  events = 0
  const began = clock.now().monoMs
  for (const happening of [...happenings].sort((a, b) => a.atMs - b.atMs)) {
    await clock.go(Math.max(0, began + happening.atMs - clock.now().monoMs))
    if (happening.what === 'scrape') await store.commitForReader()
    else happen(happening)
  }
  await clock.go(Math.max(0, began + DAY - clock.now().monoMs))
  device.sync()
  const health = store.health()
  const [written, made] = [device.written() - bytes, health.commits - commits]
  await store.stop()
  const columns = [events, made, written, health.bytesWritten - said, renamed * made, renamed * events]
  const life = `${(((written * 3650) / LIFE_BYTES) * 100).toFixed(2)} %`
  console.log([name.padEnd(46), ...columns.map((n) => n.toLocaleString('en').padStart(18)), life.padStart(32)].join(''))
}

/** Node's file system; where five seconds of the day have passed since the journal was due, it is written. */
function dayOnFlash() {
  let busy = 0
  let sinceMs = Number.NEGATIVE_INFINITY
  const clock = testClock(0, async () => {
    do await settled()
    while (busy > 0)
  })
  const counted = Object.entries(nodeFs).map(([name, call]) => {
    if (typeof call !== 'function') return [name, call]
    return [
      name,
      async (...words: unknown[]) => {
        const { monoMs } = clock.now()
        if (name === 'pwrite' && monoMs - sinceMs >= JOURNAL_EVERY_MS) {
          device.sync()
          sinceMs = monoMs
        }
        busy++
        return await (call as (...words: unknown[]) => Promise<unknown>)(...words).finally(() => busy--)
      },
    ]
  })
  return { clock, fs: Object.fromEntries(counted) as Fs }
}

/** Saves one by one, each long after the one before it. */
function saves(): { page: number; renamed: number } {
  const times = 20
  const each = (save: () => void) => {
    save()
    device.sync()
    const before = device.written()
    for (let i = 0; i < times; i++) {
      save()
      device.sync()
    }
    return (device.written() - before) / times
  }
  const content = Buffer.alloc(4096, 7)
  const [path, temporary] = [join(device.directory, 'other'), join(device.directory, 'other.new')]
  const renamed = each(() => {
    const fd = node.openSync(temporary, 'w')
    node.writeSync(fd, content)
    node.fsyncSync(fd)
    node.closeSync(fd)
    node.renameSync(temporary, path)
    const directory = node.openSync(device.directory, 'r')
    node.fsyncSync(directory)
    node.closeSync(directory)
  })
  const ring = node.openSync(join(device.directory, 'page'), 'w+')
  node.writeSync(ring, Buffer.alloc(256 * 4096))
  node.fsyncSync(ring)
  let at = 0
  const page = each(() => {
    node.writeSync(ring, content, 0, content.length, (at++ % 256) * 4096)
    node.fdatasyncSync(ring)
  })
  node.closeSync(ring)
  return { page, renamed }
}

/** What a start costs when every page holds something. */
function fullRing(): void {
  const files = node.readdirSync(device.directory).filter((name) => name.startsWith('state-'))
  for (const file of files) {
    const bytes = node.readFileSync(join(device.directory, file))
    const { summary } = recover(bytes)
    const times = Array.from({ length: 20 }, () => {
      const began = performance.now()
      recover(bytes)
      return performance.now() - began
    }).sort((a, b) => a - b)
    if (summary.empty === 0)
      console.log(`a ring of ${summary.pages} pages, all full, is read in ${times[10]?.toFixed(1)} ms`)
  }
}

function mounted() {
  const directory = temporaryDirectory()
  const [image, mount] = [join(directory, 'disk'), join(directory, 'mnt')]
  node.mkdirSync(mount)
  execFileSync('truncate', ['-s', '400M', image])
  execFileSync(KINDS.ext4[0], [...KINDS.ext4.slice(1), image])
  const loop = execFileSync('losetup', ['--find', '--show', image], { encoding: 'utf8' }).trim()
  execFileSync('mount', [loop, mount])
  const sync = () => void execFileSync('sync', ['-f', mount])
  sync()
  return {
    directory: mount,
    sync,
    written: () =>
      Number(
        node
          .readFileSync(`/sys/block/${loop.slice(5)}/stat`, 'utf8')
          .trim()
          .split(/\s+/)[6],
      ) * 512,
    end() {
      execFileSync('umount', [mount])
      execFileSync('losetup', ['-d', loop])
      removeDirectory(directory)
    },
  }
}
