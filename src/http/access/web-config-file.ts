// The file of TLS and passwords in force: read again when it, or a certificate that it names, has changed.
import { readFileSync, statSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { createSecureContext } from 'node:tls'
import { messageOf } from '../../core/error-text.ts'
import type { Clock, Log } from '../../ports.ts'
import { parseWebConfig, type WebConfig } from './web-config.ts'

/** However many connect, the files are looked at once in this time. */
const LOOK_EVERY_MS = 1_000

export interface WebFile {
  config(): WebConfig
  /** Why what the file says now is not in force; null while it is. */
  problem(): string | null
  /** Looks whether it has changed, at most once a second; what cannot be read leaves the old one in force. */
  refresh(): void
}

/** Why the file cannot be used, with its place; null where it can. */
export function webFileProblem(path: string): string | null {
  try {
    readWebFile(path)
    return null
  } catch (error) {
    return messageOf(error)
  }
}

interface Read {
  readonly config: WebConfig
  /** The files that it was made of. */
  readonly paths: readonly string[]
}

/** Throws where it cannot be used, naming the place. `changed` is told of each new one. */
export function openWebFile(
  path: string,
  { clock, log, changed }: { clock: Clock; log: Log; changed: (now: WebConfig, before: WebConfig) => void },
): WebFile {
  let read = readWebFile(path)
  let mark = markOf(read.paths)
  let lookedAtMs = clock.now().monoMs
  let problem: string | null = null

  return {
    config: () => read.config,
    problem: () => problem,
    refresh() {
      const { monoMs } = clock.now()
      if (monoMs - lookedAtMs < LOOK_EVERY_MS) return
      lookedAtMs = monoMs
      const now = markOf(read.paths)
      if (now === mark) return
      mark = now
      try {
        const before = read.config
        read = readWebFile(path)
        mark = markOf(read.paths)
        problem = null
        changed(read.config, before)
        log('info', `http: ${basename(path)} was read again`)
      } catch (error) {
        problem = messageOf(error)
        log('error', `http: what was in force stays: ${problem}`)
      }
    },
  }
}

function readWebFile(path: string): Read {
  const paths = [path]
  const config = parseWebConfig(readFileSync(path, 'utf8'), path, (named) => {
    const whole = resolve(dirname(path), named)
    paths.push(whole)
    return readFileSync(whole, 'utf8')
  })
  if (config.tls !== null) {
    try {
      createSecureContext(config.tls.context)
    } catch (error) {
      const why = error instanceof Error ? error.message.replace(/^error:[0-9A-F]+:/, '') : String(error)
      throw new Error(`${path}: certificate, key or ciphers cannot be used: ${why}`, { cause: error })
    }
  }
  return { config, paths }
}

/** Changes whenever one of the files does. */
function markOf(paths: readonly string[]): string {
  return paths
    .map((path) => {
      const stat = statSync(path, { throwIfNoEntry: false })
      return stat === undefined ? '-' : `${stat.ino}:${stat.size}:${stat.mtimeMs}:${stat.ctimeMs}`
    })
    .join(' ')
}
