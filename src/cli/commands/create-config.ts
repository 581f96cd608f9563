// gatewatch create-config: writes a configuration file with every key, its default and its meaning.
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { defaultOf, KEY_NAMES, type Key, rowOf, variableOf } from '../../config/keys.ts'
import type { Paths } from '../../config/paths.ts'
import { fileReason } from '../../core/error-text.ts'
import type { Console, ExitCode } from '../console.ts'
import { keyHelp, restartRemark } from '../manual.ts'
import { fill } from '../table.ts'

/** Writes `path`, or stdout for `-`. Never overwrites a file: throws then, and on every write error. */
export function createConfig(path: string, paths: Paths, out: Console): ExitCode {
  const text = configText(paths)
  if (path === '-') {
    out.stdout(text)
    return 0
  }
  try {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text, { flag: 'wx', mode: 0o644 })
  } catch (error) {
    throw new Error(`${whyNot(path, error as NodeJS.ErrnoException)}; give another file, or "-" for stdout`, {
      cause: error,
    })
  }
  out.stderr(`gatewatch: wrote ${path}; after editing, check it with 'gatewatch check-config ${path}'\n`)
  return 0
}

function whyNot(path: string, error: NodeJS.ErrnoException): string {
  if (error.code !== 'EEXIST') return `cannot write ${path}: ${fileReason(error)}`
  // mkdir(2) of the directory above it, which is a file
  if (error.syscall === 'mkdir') return `cannot write ${path}: ${dirname(path)} is not a directory`
  const what = statSync(path, { throwIfNoEntry: false })?.isDirectory() ? 'is a directory' : 'already exists'
  return `${path} ${what} and was not overwritten`
}

/** The text of the file. Parsed, it gives exactly the defaults. */
export function configText(paths: Paths): string {
  const lines = [
    '// Configuration of gatewatch: JSON with comments. Every key is listed with its default; keep only what you change.',
    '// Order of precedence: defaults < this file < environment (GATEWATCH_...) < command line.',
    '{',
  ]
  const keys = KEY_NAMES.filter((key) => rowOf(key).inFile !== false)
  const heads = [...new Set(keys.map((key) => key.split('.')[0] ?? key))]
  for (const [i, head] of heads.entries()) {
    const comma = i < heads.length - 1 ? ',' : ''
    const below = keys.filter((key) => key.startsWith(`${head}.`))
    if (below.length === 0) lines.push(...entry(head as Key, head, paths, '  ', comma))
    else {
      lines.push(`  "${head}": {`)
      for (const [j, key] of below.entries()) {
        lines.push(...entry(key, key.slice(head.length + 1), paths, '    ', j < below.length - 1 ? ',' : ''))
      }
      lines.splice(-1, 1, `  }${comma}`, '')
    }
  }
  if (lines.at(-1) === '') lines.pop()
  return `${[...lines, '}'].join('\n')}\n`
}

function entry(key: Key, label: string, paths: Paths, indent: string, comma: string): string[] {
  const { defaultText } = rowOf(key)
  const value = defaultOf(key, paths)
  const absent = value === null && defaultText ? ` If absent or null: ${defaultText}.` : ''
  const help = `${keyHelp(key)}${restartRemark(key)}${absent} (${variableOf(key)})`
  const json = JSON.stringify(value, null, 2).replaceAll('\n', `\n${indent}`)
  return [...fill(help, 110, `${indent}// `), `${indent}"${label}": ${json}${comma}`, '']
}
