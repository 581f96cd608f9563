// `npm test` on a small project: what fails beside others and passes alone is a failure, and its file is named.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

let project: string
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'gw-runner-'))
  symlinkSync(join(ROOT, 'node_modules'), join(project, 'node_modules'))
  mkdirSync(join(project, 'test'))
})
afterEach(() => rmSync(project, { recursive: true, force: true }))

function writeTest(name: string, body: string): void {
  const imports = `import { existsSync, writeFileSync } from 'node:fs'\nimport { expect, it } from 'vitest'\n`
  writeFileSync(join(project, 'test', `${name}.test.js`), `${imports}it('${name} works', () => { ${body} })\n`)
}

/** The exit code and the last lines of the run. */
function run() {
  const { CI: _, ...env } = process.env
  const args = [join(ROOT, 'build/test.mjs'), 'test']
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: project, encoding: 'utf8', env })
  return { status, lines: stdout.trimEnd().split('\n').slice(-2) }
}

it('fails with a test that fails once and then passes', () => {
  writeTest('good', 'expect(1).toBe(1)')
  writeTest('unsteady', `const again = existsSync('ran'); writeFileSync('ran', ''); expect(again).toBe(true)`)
  const { status, lines } = run()
  expect(lines).toEqual([
    'UNSTEADY: test/unsteady.test.js failed beside others and passed alone; fix it',
    '2 passed, 1 failed, 0 skipped',
  ])
  expect(status).toBe(1)
})

it('passes if every test passes', () => {
  writeTest('good', 'expect(1).toBe(1)')
  const { status, lines } = run()
  expect(lines.at(-1)).toBe('1 passed, 0 failed, 0 skipped')
  expect(status).toBe(0)
})
