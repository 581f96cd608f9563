// `npm run bench:flash`: what reaches the device, by its own counters, beside what the agent says and what others write.
// A day passes in seconds: its clock is a test's, and where five seconds of it pass the journal is written, as it would be.
import * as node from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { newState, type State } from '../../src/core/state.ts'
import { step } from '../../src/core/step.ts'
import { type Fs, nodeFs } from '../../src/store/file/fs.ts'
import { sideWritesOf } from '../../src/store/file/write-amplification.ts'
import { PAGE_BYTES } from '../../src/store/format/page.ts'
import { openStore } from '../../src/store/open.ts'
import { recover } from '../../src/store/recovery.ts'
import { IDLE } from '../core/step-driver.ts'
import { type FileSystem, type Flash, startFlash } from '../rig/flash.ts'
import { removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { startSystemd } from '../rig/systemd.ts'
import { settled, testClock } from '../store/clock.ts'
import { DAY, DAYS, type Day, type Happening, MINUTE } from './days.ts'

const JOURNAL_EVERY_MS = 5_000
/** A 4 GB eMMC of 3,000 erase cycles, write amplification 4. */
const LIFE_BYTES = (4e9 * 3000) / 4
const EXT4 = sideWritesOf({ type: 'ext4', options: [], point: '/', upperDir: null })

const say = (what: string, value: string) => console.log(`${what.padEnd(86)} ${value.padStart(16)}`)
const bytes = (n: number) => `${Math.round(n).toLocaleString('en')} B`

const idle = idleFor(10)
const alone = Promise.all([inRealTime('ext4'), inRealTime('xfs')])
const flash = await startFlash('ext4', '400M')
try {
  const renamed = each(20, renames(4096), flash.sync)
  say('a page alone: fdatasync, and the journal when it is due', bytes(each(20, pages(), flash.sync)))
  say('pages in a row, 100 of them, nothing between', bytes(each(100, pages(), () => {})))
  say('a temporary file alone: fsync, rename, fsync of the directory', bytes(renamed))
  const heads = ['events', 'commits', 'to the device', 'the agent says', 'renames: a commit', 'an event', 'in 10 years']
  console.log(`\n${'a day'.padEnd(46)}${heads.map((head) => head.padStart(18)).join('')}`)
  for (const [name, day] of Object.entries(DAYS)) await live(name, day, renamed)
  console.log()
  fullRings()
} finally {
  flash.end()
}
for (const [kind, perPage] of await alone) say(`a page alone on ${kind}, in real time, 60 s apart`, bytes(perPage))
say('the agent as shipped, 10 min idle with 12 units, scraped every 15 s', bytes(await idle))

async function live(
  name: string,
  { units, happenings, flushIntervalMs = MINUTE }: Day,
  renamed: number,
): Promise<void> {
  const { clock, fs } = dayOnFlash()
  const opened = await openStore({
    ...{ path: flash.at(`day-${Object.keys(DAYS).indexOf(name)}`), runtimeDir: null, clock, log: () => {}, fs },
    ...{ flushIntervalMs, sideWrites: EXT4, fresh: () => newState('00112233aabbccdd') },
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
  const names = Array.from({ length: units }, (_, i) => `wirepas-sink-${i}.service`)
  tell({ kind: 'watch', at: clock.now(), units: names, patterns: [] })
  const happen = sightings()
  const happens = (h: Happening) =>
    tell({ kind: 'signal', unit: names[h.unit] as string, at: clock.now(), snapshot: happen(h, clock.now().monoMs) })
  for (let unit = 0; unit < units; unit++) happens({ atMs: 0, unit, what: 'start' })
  await store.flush()
  await clock.go(10 * MINUTE)
  flash.sync()
  const before = { device: flash.written(), events, ...store.health() }
  const beganMs = clock.now().monoMs
  for (const happening of [...happenings].sort((a, b) => a.atMs - b.atMs)) {
    await clock.go(Math.max(0, beganMs + happening.atMs - clock.now().monoMs))
    if (happening.what === 'scrape') await store.commitForReader()
    else happens(happening)
  }
  await clock.go(Math.max(0, beganMs + DAY - clock.now().monoMs))
  flash.sync()
  const [device, told] = [flash.written() - before.device, events - before.events]
  const { commits, bytesWritten } = store.health()
  const made = commits - before.commits
  await store.stop()
  const columns = [told, made, device, bytesWritten - before.bytesWritten, renamed * made, renamed * told]
  const life = `${(((device * 3650) / LIFE_BYTES) * 100).toFixed(2)} %`
  const cells = [...columns.map((n) => n.toLocaleString('en')), life]
  console.log(name.padEnd(46) + cells.map((cell) => cell.padStart(18)).join(''))
}

/** What systemd would show of a unit. */
function sightings() {
  const runs = new Map<number, string>()
  let made = 0
  return ({ unit, what }: Happening, changedAtMonoMs: number) => {
    made++
    const id = what === 'start' ? made.toString(16).padStart(32, '0') : (runs.get(unit) ?? null)
    runs.set(unit, id ?? '')
    const snapshot = { ...IDLE, invocationId: id, job: what === 'crash' ? 0 : made, changedAtMonoMs }
    if (what === 'start') return { ...snapshot, activeState: 'active', subState: 'running' }
    if (what === 'stop') return snapshot
    return { ...snapshot, activeState: 'failed', subState: 'failed', result: 'signal', mainCode: 2, mainStatus: 9 }
  }
}

/** Node's file system and a clock that waits for it; the journal is written when five seconds of the day have passed. */
function dayOnFlash() {
  let busy = 0
  let sinceMs = Number.NEGATIVE_INFINITY
  const clock = testClock(0, async () => {
    do await settled()
    while (busy > 0)
  })
  const waitedFor = Object.entries(nodeFs).map(([name, call]) => {
    if (typeof call !== 'function') return [name, call]
    return [
      name,
      async (...words: unknown[]) => {
        const { monoMs } = clock.now()
        if (name === 'pwrite' && monoMs - sinceMs >= JOURNAL_EVERY_MS) {
          flash.sync()
          sinceMs = monoMs
        }
        busy++
        return await (call as (...words: unknown[]) => Promise<unknown>)(...words).finally(() => busy--)
      },
    ]
  })
  // Through /proc into another namespace there are no real paths.
  return { clock, fs: { ...Object.fromEntries(waitedFor), realpath: async (path: string) => path } as Fs }
}

/** Bytes to the device for each of some saves. */
function each(times: number, save: () => void, between: () => void): number {
  save()
  flash.sync()
  const before = flash.written()
  for (let i = 0; i < times; i++) {
    save()
    between()
  }
  flash.sync()
  return (flash.written() - before) / times
}

function renames(length: number): () => void {
  const content = Buffer.alloc(length, 7)
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

function pages(on: Flash = flash): () => void {
  const fd = node.openSync(on.at('pages'), 'w+')
  node.writeSync(fd, Buffer.alloc(256 * PAGE_BYTES))
  node.fsyncSync(fd)
  const content = Buffer.alloc(PAGE_BYTES, 7)
  let at = 0
  return () => {
    node.writeSync(fd, content, 0, PAGE_BYTES, (at++ % 256) * PAGE_BYTES)
    node.fdatasyncSync(fd)
  }
}

async function inRealTime(kind: FileSystem): Promise<[FileSystem, number]> {
  const on = await startFlash(kind, '400M')
  try {
    const save = pages(on)
    on.sync()
    await sleep(2 * MINUTE)
    const before = on.written()
    for (let i = 0; i < 3; i++) {
      save()
      await sleep(MINUTE)
    }
    return [kind, (on.written() - before) / 3]
  } finally {
    on.end()
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
    const place = { directory, within: on.within, args: ['-p', `${on.path}/state.ring`] }
    const agent = await startGatewatch({ busAddress: systemd.busAddress, services, ...place })
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

/** What a start costs when every page holds something. */
function fullRings(): void {
  for (const file of node.readdirSync(flash.at('.')).filter((name) => name.startsWith('day-'))) {
    const content = node.readFileSync(flash.at(file))
    const { summary } = recover(content)
    if (summary.empty > 0) continue
    const began = process.cpuUsage()
    for (let i = 0; i < 20; i++) recover(content)
    const { user, system } = process.cpuUsage(began)
    say(
      `CPU to read a ring of ${summary.pages} pages, all full (aim: below 50 ms)`,
      `${((user + system) / 20_000).toFixed(1)} ms`,
    )
  }
}
