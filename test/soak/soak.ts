// `npm run soak`: units driven at random on real systemds, and every count held against the journal.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { asked, USAGE } from './arguments.ts'
import { drive } from './drive.ts'
import { many, type Sums } from './many.ts'
import { shrink } from './shrink.ts'
import { chronicle, told } from './story.ts'

/** Where no terminal is, the progress is a line now and then. */
const LINE_EVERY_SEEDS = 10

process.exit(await soak())

async function soak(): Promise<number> {
  let wanted: ReturnType<typeof asked>
  try {
    wanted = asked(process.argv.slice(2))
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n${USAGE}`)
    return 2
  }
  const began = performance.now()
  const { variants, rigs } = wanted
  console.log(
    `seeds from ${wanted.seed}, ${wanted.actions} actions each, ${variants.join(', ')}, ${rigs} systemds at once`,
  )
  const { sums, failures, doubts } = await many({
    ...wanted,
    untilMs: began + wanted.minutes * 60_000,
    onDone: (now) => progress(now, began),
  })
  if (process.stdout.isTTY) process.stdout.write('\n')
  for (const { plan, outcome } of failures) {
    const path = join(mkdtempSync(join(tmpdir(), 'gw-soak-')), `seed-${plan.seed}.txt`)
    writeFileSync(path, chronicle(plan, outcome))
    console.log(`${told(plan, outcome.differences)}\n  in full: ${path}`)
  }
  for (const doubt of doubts) console.log(`no whole truth: ${doubt}`)
  const first = failures[0]
  if (first !== undefined && wanted.shrinkMs > 0) {
    console.log(`making seed ${first.plan.seed} smaller ...`)
    const small = await shrink(first.plan, async (plan) => (await drive(plan)).differences.length > 0, wanted.shrinkMs)
    const outcome = await drive(small)
    console.log(`${told(small, outcome.differences)}\n${outcome.differences.length > 0 ? '' : '  (not this time)'}`)
  }
  console.log(words(sums, began))
  return failures.length > 0 || sums.doubtful > sums.seeds / 10 ? 1 : 0
}

function progress(sums: Sums, began: number): void {
  if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${words(sums, began)}`)
  else if (sums.seeds % LINE_EVERY_SEEDS === 0) console.log(words(sums, began))
}

function words(sums: Sums, began: number): string {
  const { seeds, actions, starts, stops, crashes, lost, differences, doubtful } = sums
  const counted = `${starts} starts, ${stops} stops, ${crashes} crashes compared, ${lost} lost`
  const seconds = Math.round((performance.now() - began) / 1000)
  const doubts = doubtful === 0 ? '' : `, ${doubtful} without a whole truth`
  return `${seeds} seeds, ${actions} actions, ${counted}: ${differences} seeds differ${doubts} (${seconds} s)`
}
