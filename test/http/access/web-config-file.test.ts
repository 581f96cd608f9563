// Files that web_config_file can name by mistake or after a power loss: none of them opens TCP, or blocks the agent.
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { webConfigProblem } from '../../../src/http/access/web-config-file.ts'

const directory = mkdtempSync(join(tmpdir(), 'gatewatch-web-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))
const path = join(directory, 'web.yml')

test.each([
  ['nothing', ''],
  ['white space', ' \n\n'],
  ['zero bytes, as after a power loss', '\0\0\0\0'],
])('a file with %s is not a wish to serve without a password', (_, text) => {
  writeFileSync(path, text)
  expect(webConfigProblem(path)).toBe(`${path}: the file is empty; for HTTP without TLS and passwords, write {} to it`)
})

test.each(['{}', '# none\n'])('%j is', (text) => {
  writeFileSync(path, text)
  expect(webConfigProblem(path)).toBeNull()
})

test('a file that cannot be read is reported in words, with its path', () => {
  mkdirSync(join(directory, 'folder'))
  expect(webConfigProblem(join(directory, 'folder'))).toBe(`cannot read ${directory}/folder: it is not a regular file`)
  expect(webConfigProblem(join(directory, 'none'))).toBe(`cannot read ${directory}/none: no such file`)
  writeFileSync(path, 'tls_server_config:\n  cert_file: none.crt\n  key_file: none.key\n')
  expect(webConfigProblem(path)).toBe(`${path}:2:14: cert_file: cannot read ${directory}/none.crt: no such file`)
})

test('a named pipe, to which nothing is written, does not block', () => {
  const pipe = join(directory, 'pipe')
  execFileSync('mkfifo', [pipe])
  const writer = spawn('sh', ['-c', 'sleep 2; : > "$0"', pipe], { stdio: 'ignore' }) // ends a read that blocks
  expect(webConfigProblem(pipe)).toBe(`cannot read ${pipe}: it is not a regular file`)
  writer.kill()
})
