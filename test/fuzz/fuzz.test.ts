// Fuzzes each target for half a minute in CI, a few seconds elsewhere. vitest.config.ts starts this file first; on a busy
// machine, it leaves nine tenths of a processor to the other tests. The same commit tries the same inputs.
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import { beforeAll, expect, test } from 'vitest'
import { crashText, runText } from './report.ts'
import { runTarget } from './run-target.ts'
import { TARGETS } from './target-names.ts'

const SECONDS = process.env['CI'] === 'true' ? 30 : 4

/** Linux has a priority for each thread; new ones inherit it. */
beforeAll(() => {
  for (const thread of readdirSync('/proc/self/task'))
    setPriority(Number(thread), constants.priority.PRIORITY_BELOW_NORMAL)
})

test.each(TARGETS)(
  '%s: no input breaks a property',
  async (target) => {
    const run = await runTarget(target, { kind: 'try', seed: seedOfCommit(), seconds: SECONDS })
    console.log(runText(target, run))
    expect(run.crash && crashText(target, run.crash, null)).toBe(null)
    expect(run.inputs).toBeGreaterThan(0)
  },
  300_000,
)

/** 1 without git. */
function seedOfCommit(): number {
  try {
    const commit = execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    return Number.parseInt(commit.slice(0, 7), 16)
  } catch {
    return 1
  }
}
