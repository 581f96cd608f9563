// gatewatch create-config: the file that it writes holds every key and gives exactly the defaults.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { configText, createConfig } from '../../../src/cli/commands/create-config.ts'
import { manualPage } from '../../../src/cli/man.ts'
import { KEY_NAMES, rowOf, variableOf } from '../../../src/config/keys.ts'
import { SYSTEM_PATHS } from '../../../src/config/paths.ts'
import { messageOf } from '../../../src/core/error-text.ts'
import { loadText } from '../../config/load-text.ts'
import { recordingConsole, temporaryDirectory } from '../fake-agent.ts'

describe('create-config', () => {
  test('writes every key with its default, and reading it gives exactly the defaults', async () => {
    const text = configText(SYSTEM_PATHS)
    const written = await loadText(text)
    expect({ problems: written.problems, notes: written.notes.filter((note) => !note.startsWith('mqtt.url')) }).toEqual(
      {
        problems: [],
        notes: [],
      },
    )
    expect(written.config).toEqual((await loadText(null)).config)
    for (const key of KEY_NAMES.filter((one) => rowOf(one).inFile !== false)) {
      expect(text).toContain(`(${variableOf(key)})`)
      expect(written.origins.get(key)?.origin, key).toBe('file')
    }
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120)
  })

  test('creates the directory, reports the path, and never overwrites a file', () => {
    using directory = temporaryDirectory()
    const path = join(directory.path, 'etc', 'config.json')
    const out = recordingConsole()
    expect(createConfig(path, SYSTEM_PATHS, out)).toBe(0)
    expect(out.err()).toBe(`gatewatch: wrote ${path}; after editing, check it with 'gatewatch check-config ${path}'\n`)
    expect(readFileSync(path, 'utf8')).toBe(configText(SYSTEM_PATHS))
    writeFileSync(path, 'mine')
    expect(() => createConfig(path, SYSTEM_PATHS, out)).toThrow(
      `${path} already exists and was not overwritten; give another file, or "-" for stdout`,
    )
    expect(readFileSync(path, 'utf8')).toBe('mine')
  })

  test('reports why it cannot write', () => {
    using directory = temporaryDirectory()
    writeFileSync(join(directory.path, 'file'), '')
    mkdirSync(join(directory.path, 'd'))
    const out = recordingConsole()
    const problem = (path: string) => {
      try {
        return createConfig(path, SYSTEM_PATHS, out)
      } catch (error) {
        return messageOf(error).replaceAll(directory.path, '')
      }
    }
    const hint = 'give another file, or "-" for stdout'
    expect(problem(join(directory.path, 'file', 'x'))).toBe(`cannot write /file/x: /file is not a directory; ${hint}`)
    expect(problem(join(directory.path, 'file', 'x', 'y'))).toBe(
      `cannot write /file/x/y: a part of its path is not a directory; ${hint}`,
    )
    expect(problem(join(directory.path, 'd'))).toBe(`/d is a directory and was not overwritten; ${hint}`)
  })

  test('writes to stdout for "-"', () => {
    const out = recordingConsole()
    createConfig('-', SYSTEM_PATHS, out)
    expect(out.out()).toBe(configText(SYSTEM_PATHS))
    expect(out.err()).toBe('')
  })
})

test('the file and the manual page mark exactly the keys that take effect after a restart', () => {
  const keys = KEY_NAMES.filter((key) => rowOf(key).inFile !== false)
  const restart = keys.filter((key) => rowOf(key).applies === 'restart')
  const comments = configText(SYSTEM_PATHS).replaceAll(/\s*\n\s*\/\/ /g, ' ')
  const manual = manualPage('0.1.0', '2026-11-20')
  for (const text of [comments, manual]) {
    expect(text.match(/Takes effect after a restart\./g)).toHaveLength(restart.length)
  }
  for (const key of keys) {
    const remark = restart.includes(key) ? 'Takes effect after a restart. ' : ''
    const variable = variableOf(key)
    expect(comments, key).toMatch(new RegExp(`${remark}(If absent or null: [^"]*)?\\(${variable}\\)`))
    expect(manual, key).toContain(`${remark}Environment: ${variable}.`)
  }
})
