// Text files that a person names: only regular files are read, and the reason why one cannot be used is in words.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readTextFile } from '../../src/config/text-file.ts'
import { fileReason } from '../../src/core/error-text.ts'

function reasonOf(path: string): string {
  try {
    return `read: ${readTextFile(path)}`
  } catch (error) {
    return fileReason(error)
  }
}

test('directories and special files are refused in words, and a pipe is never waited for', () => {
  const directory = mkdtempSync(join(tmpdir(), 'gatewatch-file-'))
  const at = (name: string) => join(directory, name)
  writeFileSync(at('file'), 'text')
  execFileSync('mkfifo', [at('pipe')])
  symlinkSync('loop', at('loop'))
  symlinkSync('file', at('link'))
  expect(
    [at('link'), directory, at('pipe'), '/dev/zero', at('none'), at('file/x'), at('loop'), at('x'.repeat(300))].map(
      reasonOf,
    ),
  ).toEqual([
    'read: text',
    'it is a directory, not a regular file',
    'it is a pipe, not a regular file',
    'it is a device, not a regular file',
    'no such file',
    'a part of its path is not a directory',
    'its symbolic links form a loop',
    'the name is too long',
  ])
  rmSync(directory, { recursive: true })
})

test('a file above 1 MiB is refused before it is read', () => {
  const directory = mkdtempSync(join(tmpdir(), 'gatewatch-file-'))
  const file = join(directory, 'file')
  writeFileSync(file, 'x'.repeat(1_048_576))
  expect(readTextFile(file)).toHaveLength(1_048_576)
  truncateSync(file, 1_099_511_627_776) // sparse: 1 TiB could not be read
  expect(reasonOf(file)).toBe('it is larger than 1 MiB')
  rmSync(directory, { recursive: true })
})
