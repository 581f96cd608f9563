// Fetches a package with npm for the build; a failure is one line with the package and the reason.
import { runTool } from './run.mjs'

/** Returns npm's stdout; throws one line. `what` is the package: `pkg@1.2.3`. */
export function fetchByNpm(what, args) {
  try {
    return runTool(['npm', ...args, '--loglevel=error', '--no-audit', '--no-fund'])
  } catch (error) {
    throw new Error(`cannot fetch ${what}: ${npmErrorReason(error.message)}`)
  }
}

/** The line of npm's report with the reason: that of a network error, else the first line that is not an error code. */
export function npmErrorReason(report) {
  const lines = report.split('\n').filter((line) => line.startsWith('npm error '))
  const reason = lines.map((line) => /reason: (.*)$/.exec(line)?.[1]).find(Boolean)
  const message = lines.find((line) => !/^npm error (code|syscall|errno|path) /.test(line))
  return reason ?? message?.replace(/^npm error (notarget |\d{3} )?/, '') ?? report.split('\n')[0]
}
