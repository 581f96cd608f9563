// Target: recovery of the state from a damaged state file (store/recovery and the page format).
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import type { State } from '../../../src/core/state.ts'
import { LARGEST_NUMBER } from '../../../src/store/format/bytes.ts'
import { headOf } from '../../../src/store/format/head-record.ts'
import { unitChange } from '../../../src/store/format/history-update.ts'
import { encodePage, PAGE_BYTES } from '../../../src/store/format/page.ts'
import { createPageBuilder, readPayload } from '../../../src/store/format/page-records.ts'
import { applyPayloads, type RecoveredFile, recover } from '../../../src/store/recovery.ts'
import { resume } from '../../../src/store/resume.ts'
import { hostilePages } from '../../store/hostile-pages.ts'
import { PATH } from '../../store/memory-store.ts'
import { freshState } from '../../store/sample.ts'
import { runScenarioFrom, type Scenario } from '../../store/scenarios.ts'
import { assert, type FuzzTarget, jsonFiles } from '../target.ts'
import { type Damage, damage, damaged, forged, page } from './support/damaged-file.ts'

/** A file that the agent wrote, and its damage; a payload cut short; or pages with valid checksums that no agent wrote. */
type Input =
  | { readonly history: string; readonly damage: readonly Damage[] }
  | { readonly history: string; readonly page: number; readonly cutAt: number }
  | { readonly pages: readonly HostilePage[] }
type HostilePage = Parameters<typeof hostileBytes>[0][number]

const commits = (n: number) => Array.from({ length: n }, (_, i) => [{ crash: i % 2 }, 'commit'] as const).flat()
const HISTORIES: Readonly<Record<string, Pick<Scenario, 'units' | 'actions'>>> = {
  'few commits': { units: 2, actions: commits(4) },
  'two snapshots': { units: 3, actions: commits(70) },
  'snapshots of several pages': { units: 60, actions: commits(68) },
  'the second turn of the ring': { units: 2, actions: commits(300) },
  'a stop, a clear and a forgotten unit': {
    units: 2,
    actions: [
      ...commits(3),
      'stop and start',
      ...commits(2),
      'clear',
      'commit',
      { forget: 'sink@1.service' },
      'commit',
    ],
  },
}

/** After those in use; more would only take time. */
const EMPTY_PAGES = 3

interface History {
  readonly file: Buffer
  readonly original: RecoveredFile
  /** Everything that was remembered, as text: the position in the order of the commits. */
  readonly states: ReadonlyMap<string, number>
  readonly events: ReadonlyMap<number, string>
}

const histories = new Map<string, Promise<History>>()

function historyOf(name: string): Promise<History> {
  const known = histories.get(name) ?? makeHistory(name)
  histories.set(name, known)
  return known
}

async function makeHistory(name: string): Promise<History> {
  const { units, actions } = HISTORIES[name] ?? { units: 1, actions: [] }
  const run = await runScenarioFrom(null, actions, units)
  await run.last.store.stop()
  const whole = run.memory.fs.bytes(PATH)
  const used = Math.max(...recover(whole).found.map(({ at }) => at + 1)) + EMPTY_PAGES
  const file = whole.subarray(0, used * PAGE_BYTES)
  const original = recover(file)
  return {
    file,
    original,
    states: new Map(run.states.map(({ state }, i) => [asText(state), i])),
    events: new Map(original.events.map((event) => [event.seq, JSON.stringify(event)])),
  }
}

function asText({ seq, clearedSeq, seqGap, stream, gatewayId, machineId, units, forgotten }: State): string {
  return JSON.stringify([seq, clearedSeq, seqGap, stream, gatewayId, machineId, units, [...forgotten]])
}

function hostileBytes(pages: readonly { header: Parameters<typeof encodePage>[0]; payload: string }[]): Buffer {
  return Buffer.concat(
    pages.map(({ header, payload }) => encodePage(header, Buffer.from(payload, 'hex'))) as unknown as Uint8Array[],
  )
}

/** What holds for any bytes: an agent can continue with what was recovered, and write it again. */
function checkUsable(bytes: Buffer): RecoveredFile {
  const read = recover(bytes)
  const pages = Math.floor(bytes.length / PAGE_BYTES)
  assert(read.next >= 0 && read.next <= pages, () => `the ring continues at page ${read.next} of ${pages}`)
  const numbers = [read.maxSeq, read.reserved, read.lastEvent, read.state?.seq ?? 0, read.head?.acknowledged ?? 0]
  assert(
    numbers.every((n) => Number.isSafeInteger(n) && n >= 0 && n <= LARGEST_NUMBER),
    () => `impossible numbers: ${numbers.join(', ')}`,
  )
  const live = read.chain?.pages ?? []
  assert(new Set(live).size === live.length && live.every((at) => at < pages), () => `the chain has the pages ${live}`)
  const next = resume(read, [], null, freshState(1)(), true)
  assert(next.acknowledged <= next.state.seq, () => 'an event that does not exist is acknowledged')
  if (read.state !== null) checkWrittenAgain(read.state)
  return read
}

function checkWrittenAgain(state: State): void {
  const head = headOf(state, { reserved: state.seq, acknowledged: 0, published: [], clean: false })
  for (const unit of state.units) {
    const page = createPageBuilder()
    assert(page.head(head) && page.unit(unit), () => `${unit.name} was read from a page and does not fit into one`)
    const { history } = unitChange(unit, null)
    const isWhole = history === null || page.history(unit.name, history)
    const again = readPayload(page.bytes())
    const units = again && applyPayloads(null, 'snapshot', [again]).units
    const same = isDeepStrictEqual([again?.head, units], [head, [isWhole ? unit : { ...unit, history: null }]])
    assert(same, () => `what is written for ${JSON.stringify({ head, unit })} is read as ${JSON.stringify(again)}`)
  }
}

/** What holds unless a program forged checksums: only what was committed is recovered, and as much as possible. */
function checkRecovered({ file, original, states, events }: History, bytes: Buffer, read: RecoveredFile): void {
  const index = read.state === null ? -1 : (states.get(asText(read.state)) ?? null)
  assert(index !== null, () => `a state that never existed: ${read.state && asText(read.state)}`)
  const least = leastCommit(file, bytes, original)
  const commit = read.chain?.seq ?? -1
  assert(commit >= least, () => `commit ${least} and all that it needs is intact, but ${commit} was recovered`)
  for (const event of read.events)
    assert(events.get(event.seq) === JSON.stringify(event), () => `event ${event.seq} never existed`)
  if (bytes.equals(file)) assert(index === states.size - 1 || read.complete, () => 'the newest state was not recovered')
}

/** The newest commit of the newest snapshot that is intact, as far as its deltas are; -1 if there is none. */
function leastCommit(file: Buffer, bytes: Buffer, { found }: RecoveredFile): number {
  const intact = (at: number) => {
    const [from, to] = [at * PAGE_BYTES, (at + 1) * PAGE_BYTES]
    return to <= bytes.length && file.subarray(from, to).equals(bytes.subarray(from, to))
  }
  const whole = (seq: number, kind: string, base: number) => {
    const parts = found.filter(({ page }) => page.seq === seq && page.kind === kind && page.base === base)
    return parts.length > 0 && parts.length === parts[0]?.page.parts && parts.every(({ at }) => intact(at))
  }
  const snapshots = found.map(({ page }) => page.seq).filter((seq) => whole(seq, 'snapshot', seq))
  const base = Math.max(-1, ...snapshots)
  let last = base
  while (base >= 0 && whole(last + 1, 'delta', base)) last++
  return last
}

/** A payload that is cut anywhere but between two records is not valid. */
function checkCut({ original }: History, page: number, cutAt: number): void {
  const payload = original.found[page % original.found.length]?.page.payload ?? Buffer.alloc(0)
  const cut = payload.subarray(0, cutAt % payload.length)
  const ends = recordEnds(payload)
  const isValid = readPayload(cut) !== null
  const why = () => `a payload of ${payload.length} bytes was read although it was cut at ${cut.length}`
  assert(ends.includes(cut.length) || !isValid, why)
}

/** Each record is a tag, its length (LEB128) and its content. */
function recordEnds(payload: Uint8Array): number[] {
  const ends: number[] = []
  for (let at = 0; at < payload.length; ) {
    let [length, shift, from] = [0, 0, at + 1]
    for (let more = true; more; shift += 7) {
      const byte = payload[from++] ?? 0
      length |= (byte & 127) << shift
      more = byte > 127
    }
    at = from + length
    ends.push(at)
  }
  return ends
}

/** Most often the shorter ones, which take less time. */
const [short = '', ...long] = Object.keys(HISTORIES)
const history = fc.oneof({ weight: 4, arbitrary: fc.constant(short) }, ...long.map((name) => fc.constant(name)))
const cuts = fc.record({ history, page, cutAt: fc.nat(PAGE_BYTES) })

export const target: FuzzTarget<Input> = {
  ...jsonFiles<Input>(),
  cpuMsAtMost: 1_000,
  inputs: (corpus) =>
    fc.oneof(
      { weight: 3, arbitrary: fc.record({ history, damage: fc.array(damage, { maxLength: 6 }) }) },
      { weight: 2, arbitrary: fc.record({ history, damage: fc.array(forged, { minLength: 1, maxLength: 4 }) }) },
      { weight: 1, arbitrary: hostilePages.map((pages): Input => ({ pages })) },
      { weight: 1, arbitrary: cuts },
      {
        weight: 1,
        arbitrary: fc
          .tuple(fc.constantFrom(...corpus), fc.array(damage, { maxLength: 2 }))
          .map(([one, more]): Input => ('damage' in one ? { ...one, damage: [...one.damage, ...more] } : one)),
      },
    ),
  async check(input) {
    if ('pages' in input) return void checkUsable(hostileBytes(input.pages))
    const past = await historyOf(input.history)
    if ('page' in input) return checkCut(past, input.page, input.cutAt)
    const bytes = damaged(past.file, input.damage)
    const read = checkUsable(bytes)
    if (!input.damage.some(({ kind }) => kind === 'forge')) checkRecovered(past, bytes, read)
  },
}
