// `npm run fuzz`: gives the parsers of foreign data random inputs near those of the corpus, until one breaks a property.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../src/core/error-text.ts'
import { type FuzzArguments, parseFuzzArguments, USAGE } from './arguments.ts'
import { type BugRun, bugTable, crashText, runText } from './report.ts'
import { type FuzzRun, runTarget } from './run-target.ts'
import { SEEDED_BUGS } from './seeded-bugs.ts'
import type { TargetName } from './target-names.ts'
import { type Crash, type Job, LARGEST_SEED } from './worker.ts'

const FOUND = join(import.meta.dirname, '../../dist/fuzz')
/** Without a terminal. */
const LINE_EVERY_MS = 120_000

process.exit(await fuzz())

async function fuzz(): Promise<number> {
  let options: FuzzArguments
  try {
    options = parseFuzzArguments(process.argv.slice(2), Math.floor(Math.random() * LARGEST_SEED))
  } catch (error) {
    console.error(`${messageOf(error)}\n${USAGE}`)
    return 2
  }
  const { targets, seed, seconds, path, seededBugs } = options
  if (path === null) console.log(`seed ${seed}, ${seconds.toFixed(0)} s for each of: ${targets.join(', ')}`)
  const job: Job = path === null ? { kind: 'try', seed, seconds } : { kind: 'repeat', seed, path }
  const clean = new Map<string, FuzzRun>()
  for (const target of targets) clean.set(target, await shownRun(target, job))
  const crashes = [...clean.values()].filter(({ crash }) => crash !== null).length
  if (!seededBugs) return crashes > 0 ? 1 : 0
  const bugs: BugRun[] = []
  for (const bug of SEEDED_BUGS.filter(({ target }) => targets.some((one) => one === target)))
    bugs.push({ bug, run: await runTarget(bug.target, { kind: 'try', seed, seconds }, { bug }) })
  console.log(bugTable(clean, bugs, seconds))
  return crashes > 0 || bugs.some(({ run }) => run.crash === null) ? 1 : 0
}

async function shownRun(target: TargetName, job: Job): Promise<FuzzRun> {
  const { isTTY } = process.stdout
  let lineAtMs = LINE_EVERY_MS
  const run = await runTarget(target, job, {
    onProgress(now) {
      if (isTTY) process.stdout.write(`\r${runText(target, now)}`)
      else if (now.ms >= lineAtMs) {
        lineAtMs += LINE_EVERY_MS
        console.log(runText(target, now))
      }
    },
  })
  console.log(`${isTTY ? '\r' : ''}${runText(target, run)}`)
  if (run.crash !== null) console.log(crashText(target, run.crash, written(target, run.crash)))
  return run
}

function written(target: TargetName, { input, found }: Crash): string | null {
  if (found === null) return null
  mkdirSync(FOUND, { recursive: true })
  const file = join(FOUND, `${target}-${found.seed}-${found.path.replaceAll(':', '-')}`)
  writeFileSync(file, input)
  return file
}
