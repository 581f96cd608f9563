// A real power cut, as far as a machine that stays up can have one, under a store that commits without a pause.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { recover } from '../../src/store/recovery.ts'
import { resume } from '../../src/store/resume.ts'
import { type Flash, noFlash, startFlash } from '../rig/flash.ts'
import { describeUnless } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { crashesOf, freshState } from './sample.ts'

/** 1.3 s each; more of them with `npm run prove:flash`. */
const CUTS = Number(process.env['GATEWATCH_CUTS'] ?? 5)

interface Told {
  acked: number
  seen: number
  seq: number
}

describeUnless(noFlash('ext4'), 'a power cut under a store', () => {
  let flash: Flash
  beforeAll(async () => {
    flash = await startFlash('ext4', '32M')
  })
  afterAll(() => flash?.end())

  /** Starts an agent, cuts the power after `ms`, and mounts what is left. */
  async function cutAfter(ms: number, synced: 'synced' | 'unsynced'): Promise<Told> {
    const program = ['--import', 'tsx', join(import.meta.dirname, 'powercut-agent.mts')]
    const [first = '', ...words] = [
      ...flash.within,
      process.execPath,
      ...program,
      join(flash.path, 'state.ring'),
      synced,
    ]
    const agent = spawn(first, words)
    const text: string[] = []
    agent.stdout.on('data', (data: Buffer) => void text.push(data.toString()))
    await until(() => text.join('').includes('acked') || agent.exitCode !== null, {
      what: 'a commit',
      timeoutMs: 60_000,
    })
    await new Promise((resolve) => setTimeout(resolve, ms))
    const before = told(text.join(''))
    flash.cut()
    agent.kill('SIGKILL')
    await new Promise((resolve) => agent.once('close', resolve))
    const after = told(text.join(''))
    flash.remount()
    return { acked: before.acked, seen: after.seen, seq: after.seq }
  }

  /** What an agent would find now: the total of crashes, and the number its events go on from. */
  function found(): { total: number; seq: number } {
    const file = recover(readFileSync(flash.at('state.ring')))
    const { state } = resume(file, [], null, freshState(2)(), false)
    return { total: file.state === null ? -1 : crashesOf(file.state).reduce((a, b) => a + b), seq: state.seq }
  }

  test(
    'nothing that was acknowledged is lost, nothing is there that never was, and no number comes twice',
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
      console.log(`${CUTS} cuts: ${lost} steps that were still in flight were lost, of the acknowledged ones none`)
    },
    CUTS * 20_000,
  )

  test('without fdatasync the same cut loses what it should have kept', async () => {
    let lost = 0
    for (let i = 0; i < 3; i++) {
      const { acked } = await cutAfter(100, 'unsynced')
      lost += Math.max(0, acked - found().total)
    }
    expect(lost).toBeGreaterThan(0)
  }, 60_000)
})

function told(text: string): Told {
  const last = (word: string) => Number([...text.matchAll(new RegExp(`^${word} (\\d+)$`, 'gm'))].at(-1)?.[1] ?? 0)
  return { acked: last('acked'), seen: last('seen'), seq: last('seq') }
}
