// `npm run mutants [-- WORD]`: breaks each counting rule once, in a copy, and prints which test of test/core detects it.
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MUTATIONS } from './mutations/all.ts'
import type { Mutation } from './mutations/mutation.ts'

const ROOT = join(import.meta.dirname, '../..')
const AT_ONCE = 2
/** The tests of the core, and what they import. */
const PARTS = ['src', 'test/core', 'test/rig', 'package.json', 'tsconfig.json', 'vitest.config.ts']

const word = process.argv[2] ?? ''
const left = MUTATIONS.filter(({ rule, file }) => rule.includes(word) || file.includes(word))
const wanted = left.length
const survivors: Mutation[] = []
await Promise.all(Array.from({ length: AT_ONCE }, worker))
for (const { file, rule } of survivors) console.log(`NOT DETECTED: ${file}: ${rule}`)
console.log(`${wanted} rules broken, ${wanted - survivors.length} detected by a test`)
process.exit(survivors.length > 0 ? 1 : 0)

async function worker(): Promise<void> {
  const copy = mkdtempSync(join(tmpdir(), 'gw-mutants-'))
  for (const part of PARTS) cpSync(join(ROOT, part), join(copy, part), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
  const before = await failing(copy)
  if (before.length > 0) throw new Error(`these tests fail without a broken rule: ${before.join(', ')}`)
  for (let next = left.shift(); next !== undefined; next = left.shift()) {
    const path = join(copy, 'src/core', next.file)
    const whole = readFileSync(path, 'utf8')
    writeFileSync(
      path,
      whole.replace(next.from, () => next?.to ?? ''),
    )
    const detectedBy = await failing(copy)
    writeFileSync(path, whole)
    if (detectedBy.length === 0) survivors.push(next)
    else console.log(`${next.file}: ${next.rule}\n    ${detectedBy[0]}${more(detectedBy.length - 1)}`)
  }
  rmSync(copy, { recursive: true, force: true })
}

/** Names of the tests that fail in the copy. */
function failing(copy: string): Promise<string[]> {
  const report = join(copy, 'report.json')
  rmSync(report, { force: true })
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs')
  const args = [
    vitest,
    'run',
    'test/core',
    '--exclude=**/mutations.test.ts',
    // One process without isolation: half the CPU time, and the tests of the core share no state.
    '--no-isolate',
    '--maxWorkers=1',
    '--reporter=json',
    `--outputFile=${report}`,
  ]
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { cwd: copy }, () => {
      try {
        resolve(failedIn(JSON.parse(readFileSync(report, 'utf8'))))
      } catch (error) {
        reject(error)
      }
    })
  })
}

function failedIn({ testResults }: { readonly testResults: readonly Result[] }): string[] {
  return testResults.flatMap(({ status, assertionResults, message }) => {
    if (status === 'failed' && assertionResults.length === 0) throw new Error(`no test ran: ${message}`)
    return assertionResults.filter((test) => test.status === 'failed').map((test) => test.fullName)
  })
}

interface Result {
  readonly status: string
  readonly message: string
  readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[]
}

function more(count: number): string {
  return count === 0 ? '' : `, and ${count} more`
}
