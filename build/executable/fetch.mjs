// Has npm fetch something for the build; where it cannot, one line says what and why.
import { runTool } from './run.mjs'

/** npm's stdout. Throws one line: `what` is what it fetches, `pkg@1.2.3`. */
export function fetchByNpm(what, args) {
  try {
    return runTool(['npm', ...args, '--loglevel=error', '--no-audit', '--no-fund'])
  } catch (error) {
    throw new Error(`${what} cannot be fetched: ${whyOfNpm(error.message)}`)
  }
}

/** The one line of npm's report that says why: a network's reason, else the first that is no code. */
export function whyOfNpm(report) {
  const lines = report.split('\n').filter((line) => line.startsWith('npm error '))
  const reason = lines.map((line) => /reason: (.*)$/.exec(line)?.[1]).find(Boolean)
  const said = lines.find((line) => !/^npm error (code|syscall|errno|path) /.test(line))
  return reason ?? said?.replace(/^npm error (notarget |\d{3} )?/, '') ?? report.split('\n')[0]
}
