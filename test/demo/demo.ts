// npm run demo: gatewatch at work on a real systemd, on a fresh machine.
import { statusText } from '../../src/cli/commands/status.ts'
import { wantsColor } from '../../src/cli/console.ts'
import { plural } from '../../src/core/format.ts'
import { parseArguments, USAGE } from './arguments.ts'
import { runDemo, type Seen } from './run.ts'

async function main(argv: readonly string[]): Promise<number> {
  const args = parseArguments(argv)
  if ('problem' in args) {
    process.stderr.write(`demo: ${args.problem}\n`)
    return 2
  }
  if (args.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const ending = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => ending.abort())
  try {
    const seen = await runDemo(args.seconds, process, ending)
    if (seen !== null) process.stdout.write(summary(seen))
    return 0
  } catch (error) {
    process.stderr.write(`demo: ${wordsOf(error)}\n`)
    return 1
  }
}

/** Where the end failed too, both. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if ('suppressed' in error && 'error' in error) return `${wordsOf(error.suppressed)}\nthen: ${wordsOf(error.error)}`
  const { cause } = error
  return `${error.message}${cause === undefined ? '' : `: ${wordsOf(cause)}`}`
}

/** What was seen, and where to go next. */
function summary({ status, events, forMs }: Seen): string {
  const color = wantsColor(process.env, process.stdout.isTTY === true)
  const columns = process.stdout.isTTY ? process.stdout.columns || 80 : null
  const seen = `${plural(events, 'event')} of ${plural(status.units.length, 'unit')} in ${Math.round(forMs / 1000)} s`
  const units = statusText({ units: status.units }, { columns, color, now: Date.now, stdout() {}, stderr() {} })
  return `
${seen}:

${units.join('\n')}

Next: README.md says how to watch your own units;
'npm start' runs the agent with this machine's own configuration.
`
}

process.exitCode = await main(process.argv.slice(2))
