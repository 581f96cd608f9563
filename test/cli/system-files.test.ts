// Files of create-unit, written as root, also in directories that others can write: what was made is removed again, nothing else.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { replaceFile, userExists, writeNewFile } from '../../src/cli/system-files.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gatewatch-files-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

test('undo removes the file and the directories that were made for it', () => {
  const undo = writeNewFile(join(directory, 'a/b/x.service'), 'text')
  expect(readFileSync(join(directory, 'a/b/x.service'), 'utf8')).toBe('text')
  undo()
  expect([existsSync(directory), existsSync(join(directory, 'a'))]).toEqual([true, false])
})

test('undo keeps a directory that contains something else', () => {
  const undo = writeNewFile(join(directory, 'a/b/x.service'), 'text')
  writeFileSync(join(directory, 'a/other'), '')
  undo()
  expect([existsSync(join(directory, 'a/b')), existsSync(join(directory, 'a/other'))]).toEqual([false, true])
})

test('an existing file stays as it is', () => {
  writeFileSync(join(directory, 'x'), 'mine')
  expect(() => writeNewFile(join(directory, 'x'), 'text')).toThrow('already exists; nothing was changed')
  expect(readFileSync(join(directory, 'x'), 'utf8')).toBe('mine')
})

test('a user exists if the system knows the name, or if it is a number', () => {
  expect(['root', '54321', 'nosuchuser'].map(userExists)).toEqual([true, true, false])
})

test('a file is replaced without following a link at the name of the new file', () => {
  const at = (name: string) => join(directory, name)
  writeFileSync(at('precious'), 'precious')
  writeFileSync(at('config.json'), 'old')
  symlinkSync(at('precious'), at('config.json.new'))
  replaceFile(at('config.json'), 'new')
  expect(readFileSync(at('precious'), 'utf8')).toBe('precious')
  expect(readFileSync(at('config.json'), 'utf8')).toBe('new')
  expect(readdirSync(directory).sort()).toEqual(['config.json', 'precious'])
})
