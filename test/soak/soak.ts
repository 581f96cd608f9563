// `npm run soak`: drives units at random on real systemd instances, and compares every count with the journal.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { messageOf } from '../../src/core/error-text.ts'
import { plural } from '../../src/core/views/format.ts'
import { parseSoakArguments, type SoakArguments, USAGE } from './arguments.ts'
import { runPlan } from './drive.ts'
import { failureReport, failureText } from './failure-report.ts'
import type { Variant } from './plan.ts'
import { type Failure, runSeeds, type SoakTotals } from './run-seeds.ts'
import { shrink } from './shrink.ts'

/** Without a terminal, progress is one line per this many seeds. */
const LINE_EVERY_SEEDS = 10

process.exit(await soak())

async function soak(): Promise<number> {
  let options: SoakArguments
  try {
    options = parseSoakArguments(process.argv.slice(2))
  } catch (error) {
    console.error(`${messageOf(error)}\n${USAGE}`)
    return 2
  }
  const began = performance.now()
  const { variants, rigs } = options
  console.log(
    `seeds from ${options.seed}, ${plural(options.actions, 'action')} each, ${variants.join(', ')}; ${plural(rigs, 'systemd instance')} at a time`,
  )
  const { totals, byVariant, failures } = await runSeeds({
    ...options,
    untilMs: began + options.minutes * 60_000,
    onDone: (now) => progress(now, began),
    onFailure: report,
    onInconclusive: (reason) => console.log(`inconclusive: ${reason}`),
  })
  if (process.stdout.isTTY) process.stdout.write('\n')
  const first = failures[0]
  if (first !== undefined && options.shrinkMs > 0) {
    console.log(`shrinking seed ${first.plan.seed} ...`)
    const small = await shrink(
      first.plan,
      async (plan) => (await runPlan(plan)).differences.length > 0,
      options.shrinkMs,
    )
    const outcome = await runPlan(small)
    console.log(
      `${failureText(small, outcome.differences)}\n${outcome.differences.length > 0 ? '' : '  (passes this time)'}`,
    )
  }
  console.log(tableOf(byVariant))
  console.log(totalsText(totals, began))
  return failures.length > 0 || totals.inconclusive > totals.seeds / 10 ? 1 : 0
}

function report({ plan, outcome }: Failure): void {
  const path = join(mkdtempSync(join(tmpdir(), 'gw-soak-')), `seed-${plan.seed}.txt`)
  writeFileSync(path, failureReport(plan, outcome))
  console.log(`${failureText(plan, outcome.differences)}\n  full report: ${path}`)
}

function progress(totals: SoakTotals, began: number): void {
  if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${totalsText(totals, began)}`)
  else if (totals.seeds % LINE_EVERY_SEEDS === 0) console.log(totalsText(totals, began))
}

function tableOf(byVariant: ReadonlyMap<Variant, SoakTotals>): string {
  const columns = [
    'seeds',
    'hogs',
    'actions',
    'starts',
    'stops',
    'crashes',
    'lost',
    'inconclusive',
    'differences',
  ] as const
  const rows = [...byVariant].map(([variant, totals]) => [variant, ...columns.map((column) => totals[column])])
  return [['variant', ...columns], ['---', ...columns.map(() => '---:')], ...rows]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n')
}

function totalsText(totals: SoakTotals, began: number): string {
  const { seeds, actions, starts, stops, crashes, lost, differences, inconclusive } = totals
  const counted = `${plural(starts, 'start')}, ${plural(stops, 'stop')}, ${plural(crashes, 'crash', 'crashes')} compared, ${lost} lost`
  const seconds = Math.round((performance.now() - began) / 1000)
  const open = inconclusive === 0 ? '' : `, ${inconclusive} inconclusive`
  const differing = `${differences} with differences`
  return `${plural(seeds, 'seed')}, ${plural(actions, 'action')}, ${counted}: ${differing}${open} (${seconds} s)`
}
