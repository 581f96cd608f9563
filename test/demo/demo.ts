// `npm run demo`: shows gatewatch watching a real systemd; works on a freshly installed machine.
import { statusText } from '../../src/cli/commands/status.ts'
import { wantsColor } from '../../src/cli/console.ts'
import { plural } from '../../src/core/views/format.ts'
import { parseArguments, USAGE } from './arguments.ts'
import { type DemoResult, runDemo } from './run.ts'

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
    const result = await runDemo(args.seconds, process, ending)
    if (result !== null) process.stdout.write(summary(result))
    return 0
  } catch (error) {
    process.stderr.write(`demo: ${errorText(error)}\n`)
    return 1
  }
}

/** Includes the cause, and the error of a failed clean-up. */
function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if ('suppressed' in error && 'error' in error)
    return `${errorText(error.suppressed)}\nthen: ${errorText(error.error)}`
  const { cause } = error
  return `${error.message}${cause === undefined ? '' : `: ${errorText(cause)}`}`
}

/** The units as they were at the end, and what to try next. */
function summary({ status, events, forMs }: DemoResult): string {
  const color = wantsColor(process.env, process.stdout.isTTY === true)
  const columns = process.stdout.isTTY ? process.stdout.columns || 80 : null
  const title = `${plural(events, 'event')} of ${plural(status.units.length, 'unit')} in ${Math.round(forMs / 1000)} s`
  const units = statusText({ units: status.units }, { columns, color, now: Date.now })
  return `
${title}:

${units.join('\n')}

Next: README.md describes how to watch your own units;
'npm start' runs the agent with this machine's configuration.
`
}

process.exitCode = await main(process.argv.slice(2))
