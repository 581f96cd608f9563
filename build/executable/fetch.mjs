// Fetches what the build needs: packages with npm, and files over HTTP. A failure is one line with the source and the reason.
import { createWriteStream, mkdirSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { digestOf, runTool } from './run.mjs'

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

/** Downloads a file that must have this SHA-256; a file with another one does not get its name. */
export async function download(url, { to, sha256, signal }) {
  const partial = `${to}.${process.pid}.partial`
  mkdirSync(dirname(to), { recursive: true })
  try {
    await pipeline(await bodyOf(url, signal), createWriteStream(partial)).catch((error) => {
      signal.throwIfAborted()
      throw new Error(`cannot fetch ${url}: ${reasonOf(error)}`)
    })
    const actual = digestOf(partial)
    if (actual !== sha256)
      throw new Error(
        `${url} does not match build/bases.json: expected SHA-256 ${sha256}, got ${actual}; it was deleted`,
      )
    renameSync(partial, to)
  } finally {
    rmSync(partial, { force: true })
  }
}

async function bodyOf(url, signal) {
  const response = await fetch(url, { signal }).catch((error) => {
    signal.throwIfAborted()
    throw new Error(`cannot fetch ${url}: ${reasonOf(error)}`)
  })
  if (response.ok) return response.body
  throw new Error(`cannot fetch ${url}: HTTP status ${response.status}`)
}

/** fetch() reports only "fetch failed"; its cause has the reason, and that of several addresses has only a code. */
function reasonOf(error) {
  const { cause = error } = error
  return cause.message || cause.code
}
