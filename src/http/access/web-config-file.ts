// The web_config_file in effect: reloads it when it, or a certificate file that it names, has changed.
import { readFileSync, statSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { createSecureContext } from 'node:tls'
import { fileReason, messageOf } from '../../core/error-text.ts'
import type { Clock, Log } from '../../ports.ts'
import { parseWebConfig, type WebConfig } from './web-config.ts'

/** The files are checked at most this often, however many clients connect. */
const CHECK_EVERY_MS = 1_000
const FOR_PLAIN_HTTP = 'for HTTP without TLS and passwords, write {} to it'

interface WebConfigFile {
  config(): WebConfig
  /** Why the current file is not in effect; null while it is. */
  problem(): string | null
  /** Checks for a change, at most once a second; if the new file is invalid, the previous one stays in effect. */
  refresh(): void
}

/** Why the file cannot be used, with the position of the fault; null if it can. */
export function webConfigProblem(path: string): string | null {
  try {
    loadWebConfig(path)
    return null
  } catch (error) {
    return messageOf(error)
  }
}

interface LoadedWebConfig {
  readonly config: WebConfig
  /** The file and the files that it names. */
  readonly paths: readonly string[]
}

/** Throws if the file cannot be used, with the position of the fault. */
export function createWebConfigFile(
  path: string,
  options: { clock: Clock; log: Log; onChange: (next: WebConfig, previous: WebConfig) => void },
): WebConfigFile {
  const { clock, log, onChange } = options
  let loaded = loadWebConfig(path)
  let fingerprint = fingerprintOf(loaded.paths)
  let checkedAtMs = clock.now().monoMs
  let problem: string | null = null

  return {
    config: () => loaded.config,
    problem: () => problem,
    refresh() {
      const { monoMs } = clock.now()
      if (monoMs - checkedAtMs < CHECK_EVERY_MS) return
      checkedAtMs = monoMs
      const current = fingerprintOf(loaded.paths)
      if (current === fingerprint) return
      fingerprint = current
      try {
        const previous = loaded.config
        loaded = loadWebConfig(path)
        fingerprint = fingerprintOf(loaded.paths)
        problem = null
        onChange(loaded.config, previous)
        log('info', `http: ${basename(path)} reloaded`)
      } catch (error) {
        problem = messageOf(error)
        log('error', `http: web_config_file not reloaded, keeping the previous one: ${problem}`)
      }
    },
  }
}

function loadWebConfig(path: string): LoadedWebConfig {
  const paths = [path]
  const text = readText(path)
  // exporter-toolkit serves without TLS and password then: what a torn file had closed would be open.
  if (/^[\s\0]*$/.test(text)) throw new Error(`${path}: the file is empty; ${FOR_PLAIN_HTTP}`)
  const config = parseWebConfig(text, path, (named) => {
    const absolute = resolve(dirname(path), named)
    paths.push(absolute)
    return readText(absolute)
  })
  if (config.tls !== null) {
    try {
      createSecureContext(config.tls.context)
    } catch (error) {
      const reason = messageOf(error).replace(/^error:[0-9A-F]+:/, '')
      throw new Error(`${path}: certificate, key or ciphers cannot be used: ${reason}`, { cause: error })
    }
  }
  return { config, paths }
}

/** Throws before it reads anything but a regular file: a pipe would block the agent. */
function readText(path: string): string {
  try {
    if (!statSync(path).isFile()) throw new Error('it is not a regular file')
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Error(`cannot read ${path}: ${fileReason(error)}`, { cause: error })
  }
}

/** Changes whenever one of the files does. */
function fingerprintOf(paths: readonly string[]): string {
  return paths
    .map((path) => {
      const stat = statSync(path, { throwIfNoEntry: false })
      return stat === undefined ? '-' : `${stat.ino}:${stat.size}:${stat.mtimeMs}:${stat.ctimeMs}`
    })
    .join(' ')
}
