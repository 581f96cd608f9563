// Writing files as root in directories that others can write.
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { replaceFile } from '../../src/cli/system-files.ts'

test('a file is replaced without following a link at the name of the new file', () => {
  const directory = mkdtempSync(join(tmpdir(), 'gatewatch-replace-'))
  try {
    const at = (name: string) => join(directory, name)
    writeFileSync(at('precious'), 'precious')
    writeFileSync(at('config.json'), 'old')
    symlinkSync(at('precious'), at('config.json.new'))
    replaceFile(at('config.json'), 'new')
    expect(readFileSync(at('precious'), 'utf8')).toBe('precious')
    expect(readFileSync(at('config.json'), 'utf8')).toBe('new')
    expect(readdirSync(directory).sort()).toEqual(['config.json', 'precious'])
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})
