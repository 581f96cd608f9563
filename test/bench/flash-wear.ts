// `npm run bench:flash`: measures the bytes that reach the flash device by its own counters, and compares them with the
// agent's estimate and with a program that renames files. A test clock replays a day in seconds; whenever the file system
// would write its metadata by itself, it is made to. `-- partition` measures only the partition without a file system.
import * as node from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { newState, type State } from '../../src/core/state.ts'
import { step } from '../../src/core/step.ts'
import { type Fs, nodeFs } from '../../src/store/file/fs.ts'
import { flashCostOf, NO_SIDE_WRITES } from '../../src/store/file/write-amplification.ts'
import { openStore } from '../../src/store/open.ts'
import { preparePartition } from '../../src/store/prepare-partition.ts'
import { recover } from '../../src/store/recovery.ts'
import { IDLE } from '../core/step-driver.ts'
import { settled, testClock } from '../rig/clock.ts'
import { type Flash, startFlash } from '../rig/flash.ts'
import { removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { makePartition } from '../rig/partition.ts'
import { startSystemd } from '../rig/systemd.ts'
import { commitCosts } from './commit-costs.ts'
import { BTRFS_DAYS, DAY, DAYS, type Day, type DayEvent, MINUTE } from './simulated-days.ts'

/** How often each file system writes its journal, or its trees. */
const METADATA_EVERY_MS = { ext4: 5_000, btrfs: 30_000, partition: Number.POSITIVE_INFINITY } as const
/** Enough for a thousand units. */
const PARTITION_BYTES = 4 * 1024 * 1024
/** The endurance of a 4 GB eMMC with 3,000 erase cycles and a write amplification of 4. */
const ENDURANCE_BYTES = (4e9 * 3000) / 4

const HEADS = ['events', 'commits', 'to the device', 'per commit', 'agent estimate', 'rename/commit', 'rename/event']
const print = (what: string, value: string) => console.log(`${what.padEnd(86)} ${value.padStart(16)}`)
const bytes = (n: number) => `${Math.round(n).toLocaleString('en')} B`

const onlyPartition = process.argv[2] === 'partition'
const idle = onlyPartition ? null : idleFor(10)
const costs = commitCosts(onlyPartition)
if (!onlyPartition) {
  await replayDays('ext4', DAYS)
  await replayDays('btrfs', BTRFS_DAYS)
}
await replayDaysOnPartition(DAYS)
console.log()
for (const { name, alone, close, estimate } of await costs) {
  print(`a commit on ${name}, 60 s apart`, bytes(alone))
  print(`  the agent's estimate of a single one`, bytes(estimate))
  print(`  a second apart`, bytes(close))
}
if (idle !== null) print('the built agent, 10 min idle with 12 units, scraped every 15 s', bytes(await idle))

async function replayDays(kind: 'ext4' | 'btrfs', days: Readonly<Record<string, Day>>): Promise<void> {
  const flash = await startFlash(kind, '400M')
  try {
    const renamed = bytesPerSave(20, renames(flash), flash)
    print(`one temporary file alone on ${kind}: fsync, rename, fsync of the directory`, bytes(renamed))
    printHeads()
    for (const [name, day] of Object.entries(days)) {
      const file = flash.at(`day-${Object.keys(days).indexOf(name)}`)
      await replayDay(name, day, { kind, flash, file, renamed })
      measureRing(file)
    }
  } finally {
    flash.end()
  }
}

/** A partition that is formatted for each day. */
async function replayDaysOnPartition(days: Readonly<Record<string, Day>>): Promise<void> {
  printHeads()
  for (const [name, day] of Object.entries(days)) {
    const partition = makePartition(PARTITION_BYTES)
    try {
      const prepared = await preparePartition(partition.path, newState('00112233aabbccdd'))
      await prepared.format()
      await prepared.close()
      const flash = { written: partition.written, sync: () => syncDevice(partition.path) }
      await replayDay(`a partition: ${name}`, day, { kind: 'partition', flash, file: partition.path, renamed: null })
    } finally {
      partition.end()
    }
  }
}

function syncDevice(path: string): void {
  const fd = node.openSync(path, 'r')
  node.fsyncSync(fd)
  node.closeSync(fd)
}

function printHeads(): void {
  console.log(
    `\n${'day'.padEnd(58)}${[...HEADS, 'in 10 years', 'of its life'].map((head) => head.padStart(16)).join('')}`,
  )
}

interface DayOn {
  readonly kind: keyof typeof METADATA_EVERY_MS
  readonly flash: Pick<Flash, 'sync' | 'written'>
  readonly file: string
  /** Bytes that a program writes that replaces its file; null if it cannot. */
  readonly renamed: number | null
}

async function replayDay(name: string, day: Day, { kind, flash, file, renamed }: DayOn): Promise<void> {
  const { units, events, flushIntervalMs = MINUTE } = day
  const { clock, fs } = dayOnFlash(flash, METADATA_EVERY_MS[kind])
  const opened = await openStore({
    path: file,
    runtimeDir: null,
    clock,
    log: () => {},
    fs,
    limits: { flushIntervalMs, bytesPerDay: 30_000_000 },
    sideWrites: kind === 'partition' ? NO_SIDE_WRITES : flashCostOf({ type: kind, options: [] }).sideWrites,
    fresh: () => newState('00112233aabbccdd'),
  })
  const { store } = opened
  let state: State = opened.state
  let eventCount = 0
  const observe = (observation: Parameters<typeof step>[1]) => {
    const before = state
    const result = step(before, observation)
    state = result.state
    eventCount += result.events.length
    store.remember({ before, after: state, events: result.events, at: clock.now() })
  }
  const names = Array.from({ length: units }, (_, i) => `wirepas-sink-${i}.service`)
  observe({ kind: 'watch', at: clock.now(), units: names, patterns: [] })
  const snapshotOf = createSnapshots()
  const apply = (event: DayEvent) =>
    observe({
      kind: 'signal',
      unit: names[event.unit] as string,
      at: clock.now(),
      snapshot: snapshotOf(event, clock.now().monoMs),
    })
  for (let unit = 0; unit < units; unit++) apply({ atMs: 0, unit, what: 'start' })
  await store.flush()
  await clock.go(10 * MINUTE)
  flash.sync()
  const before = { device: flash.written(), events: eventCount, ...store.health() }
  const beganMs = clock.now().monoMs
  for (const event of [...events].sort((a, b) => a.atMs - b.atMs)) {
    await clock.go(Math.max(0, beganMs + event.atMs - clock.now().monoMs))
    if (event.what === 'scrape') await store.commitForReader()
    else apply(event)
  }
  await clock.go(Math.max(0, beganMs + DAY - clock.now().monoMs))
  flash.sync()
  const [device, eventsToday] = [flash.written() - before.device, eventCount - before.events]
  const { commits, bytesWritten } = store.health()
  const commitsToday = commits - before.commits
  await store.stop()
  const tenYears = device * 3650
  const columns = [
    eventsToday,
    commitsToday,
    device,
    commitsToday === 0 ? null : Math.round(device / commitsToday),
    bytesWritten - before.bytesWritten,
    renamed === null ? null : renamed * commitsToday,
    renamed === null ? null : renamed * eventsToday,
    tenYears,
  ]
  const wear = `${((tenYears / ENDURANCE_BYTES) * 100).toFixed(2)} %`
  const cells = [...columns.map((n) => n?.toLocaleString('en') ?? '-'), wear]
  console.log(name.padEnd(58) + cells.map((cell) => cell.padStart(16)).join(''))
}

/** The snapshots that systemd would show of the units. */
function createSnapshots() {
  const runs = new Map<number, string>()
  let made = 0
  return ({ unit, what }: DayEvent, changedAtMonoMs: number) => {
    made++
    const id = what === 'start' ? made.toString(16).padStart(32, '0') : (runs.get(unit) ?? null)
    runs.set(unit, id ?? '')
    const snapshot = { ...IDLE, invocationId: id, job: what === 'crash' ? 0 : made, changedAtMonoMs }
    if (what === 'start') return { ...snapshot, activeState: 'active', subState: 'running' }
    if (what === 'stop') return snapshot
    return { ...snapshot, activeState: 'failed', subState: 'failed', result: 'signal', mainCode: 2, mainStatus: 9 }
  }
}

/** Node's file system, and a clock that waits for it; the metadata is written as often as the day says. */
function dayOnFlash(flash: DayOn['flash'], metadataEveryMs: number) {
  let busy = 0
  let sinceMs = Number.NEGATIVE_INFINITY
  const clock = testClock({
    startMs: 0,
    async settle() {
      do await settled()
      while (busy > 0)
    },
  })
  const waitedFor = Object.entries(nodeFs).map(([name, call]) => {
    if (typeof call !== 'function') return [name, call]
    return [
      name,
      async (...words: unknown[]) => {
        const { monoMs } = clock.now()
        if (name === 'pwrite' && monoMs - sinceMs >= metadataEveryMs) {
          flash.sync()
          sinceMs = monoMs
        }
        busy++
        return await (call as (...words: unknown[]) => Promise<unknown>)(...words).finally(() => busy--)
      },
    ]
  })
  // A path through /proc into another namespace cannot be resolved.
  return { clock, fs: { ...Object.fromEntries(waitedFor), realpath: async (path: string) => path } as Fs }
}

/** Bytes that reach the device, the mean of `times` saves. */
function bytesPerSave(times: number, save: () => void, flash: Flash): number {
  save()
  flash.sync()
  const before = flash.written()
  for (let i = 0; i < times; i++) {
    save()
    flash.sync()
  }
  return (flash.written() - before) / times
}

function renames(flash: Flash): () => void {
  const content = Buffer.alloc(4096, 7)
  return () => {
    const fd = node.openSync(flash.at('other.new'), 'w')
    node.writeSync(fd, content)
    node.fsyncSync(fd)
    node.closeSync(fd)
    node.renameSync(flash.at('other.new'), flash.at('other'))
    const directory = node.openSync(flash.at('.'), 'r')
    node.fsyncSync(directory)
    node.closeSync(directory)
  }
}

async function idleFor(minutes: number): Promise<number> {
  await using systemd = await startSystemd()
  const services = Array.from({ length: 12 }, (_, i) => `u${i}`)
  for (const unit of services) systemd.writeUnit(`${unit}.service`, '[Service]\nExecStart=/bin/sleep infinity\n')
  await systemd.daemonReload()
  for (const unit of services) await systemd.start(`${unit}.service`)
  const on = await startFlash('ext4', '64M')
  const directory = temporaryDirectory()
  try {
    const options = { directory, commandPrefix: on.commandPrefix, args: ['-p', `${on.path}/state.ring`] }
    const agent = await startGatewatch({ busAddress: systemd.busAddress, services, ...options })
    await sleep(2 * MINUTE)
    on.sync()
    const before = on.written()
    for (let i = 0; i < minutes * 4; i++) {
      await sleep(MINUTE / 4)
      await agent.get('/metrics')
    }
    on.sync()
    const written = on.written() - before
    await agent.end()
    return written
  } finally {
    on.end()
    removeDirectory(directory)
  }
}

/** The cost of reading the state file at start-up, if every page is in use. */
function measureRing(file: string): void {
  const content = node.readFileSync(file)
  const { summary } = recover(content)
  if (summary.empty > 0) return
  const began = process.cpuUsage()
  for (let i = 0; i < 20; i++) recover(content)
  const { user, system } = process.cpuUsage(began)
  const ms = ((user + system) / 20_000).toFixed(1)
  print(`  CPU to read its ring of ${summary.pages} pages, all full (goal: below 50 ms)`, `${ms} ms`)
}
