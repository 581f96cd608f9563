// Power cuts on a real file system (the block device drops unsynced writes) under a store that commits all the time: in a
// file, and on a partition of a loop device whose disk is a file there.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { preparePartition } from '../../src/store/prepare-partition.ts'
import { recover } from '../../src/store/recovery.ts'
import { resume } from '../../src/store/resume.ts'
import { type Flash, noFlash, startFlash } from '../rig/flash.ts'
import { attachPartition, makeImage, noPartition } from '../rig/partition.ts'
import { describeUnless } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { crashesOf, freshState } from './sample.ts'

const MIB = 1024 * 1024
/** 1.3 s each; `npm run prove:flash` makes more. */
const CUTS = Number(process.env['GATEWATCH_CUTS'] ?? 5)

interface AgentOutput {
  acked: number
  seen: number
  seq: number
}

/** The state on the flash, in the file or on the partition. */
interface Place {
  readonly path: string
  read(): Buffer
  /** Before the file system is mounted again. */
  release(): void
  attach(): void
}

function fileOn(flash: Flash): Place {
  const read = () => readFileSync(flash.at('state.ring'))
  return { path: join(flash.path, 'state.ring'), read, release() {}, attach() {} }
}

async function partitionOn(flash: Flash): Promise<Place> {
  makeImage(flash.at('disk'), MIB)
  const attached = () => attachPartition(join(flash.path, 'disk'), MIB, flash.commandPrefix)
  let partition = attached()
  const prepared = await preparePartition(partition.path, freshState(0)())
  await prepared.format()
  await prepared.close()
  return {
    get path() {
      return partition.path
    },
    read: () => readFileSync(partition.path),
    release: () => partition.end(),
    attach: () => {
      partition = attached()
    },
  }
}

describeUnless(noFlash('ext4'), 'a power cut under a store in a file', () => powerCuts(async (flash) => fileOn(flash)))
describeUnless(noFlash('ext4') ?? noPartition(), 'a power cut under a store on a partition', () =>
  powerCuts(partitionOn),
)

function powerCuts(placeOn: (flash: Flash) => Promise<Place>): void {
  let flash: Flash
  let place: Place
  beforeAll(async () => {
    flash = await startFlash('ext4', '32M')
    place = await placeOn(flash)
  })
  afterAll(() => {
    place?.release()
    flash?.end()
  })

  /** Starts an agent, cuts the power after `ms`, and mounts the device again. */
  async function cutAfter(ms: number, synced: 'synced' | 'unsynced'): Promise<AgentOutput> {
    const program = ['--import', 'tsx', join(import.meta.dirname, 'powercut-agent.mts')]
    const [first = '', ...words] = [...flash.commandPrefix, process.execPath, ...program, place.path, synced]
    const agent = spawn(first, words)
    const ended = new Promise((resolve) => agent.once('close', resolve))
    const text: string[] = []
    const errors: string[] = []
    agent.stdout.on('data', (data: Buffer) => void text.push(data.toString()))
    agent.stderr.on('data', (data: Buffer) => void errors.push(data.toString()))
    await until(() => text.join('').includes('acked') || agent.exitCode !== null, {
      what: 'a commit',
      timeoutMs: 60_000,
    })
    if (agent.exitCode !== null) throw new Error(`the agent ended before the power cut: ${errors.join('')}`)
    await new Promise((resolve) => setTimeout(resolve, ms))
    const before = outputOf(text.join(''))
    flash.cut()
    agent.kill('SIGKILL')
    await ended
    const after = outputOf(text.join(''))
    place.release()
    flash.remount()
    place.attach()
    return { acked: before.acked, seen: after.seen, seq: after.seq }
  }

  /** What an agent would recover now: the total of crashes, and the last event number. */
  function found(): { total: number; seq: number } {
    const file = recover(place.read())
    const { state } = resume(file, [], null, freshState(2)(), false)
    return { total: file.state === null ? -1 : crashesOf(file.state).reduce((a, b) => a + b), seq: state.seq }
  }

  test(
    'no acknowledged commit is lost, no unknown state appears, and no event number is reused',
    async () => {
      let lost = 0
      for (let i = 0; i < CUTS; i++) {
        const { acked, seen, seq } = await cutAfter((i * 37) % 101, 'synced')
        const now = found()
        expect(now.total).toBeGreaterThanOrEqual(acked)
        expect(now.total).toBeLessThanOrEqual(seen)
        expect(now.seq).toBeGreaterThanOrEqual(seq)
        lost += seen - now.total
      }
      console.log(`${CUTS} power cuts: lost ${lost} steps that were not yet acknowledged, and no acknowledged one`)
    },
    CUTS * 20_000,
  )

  test('without fdatasync, the same cuts lose acknowledged commits', async () => {
    let lost = 0
    for (let i = 0; i < 3; i++) {
      const { acked } = await cutAfter(100, 'unsynced')
      lost += Math.max(0, acked - found().total)
    }
    expect(lost).toBeGreaterThan(0)
  }, 60_000)
}

function outputOf(text: string): AgentOutput {
  const last = (word: string) => Number([...text.matchAll(new RegExp(`^${word} (\\d+)$`, 'gm'))].at(-1)?.[1] ?? 0)
  return { acked: last('acked'), seen: last('seen'), seq: last('seq') }
}
