// `npm test`: lint, type checks and tests. With arguments, which are passed to vitest, only tests are run.
// Up to three failed test files are run a second time, alone, which shows what is wrong with them: a file that then
// passes is reported as UNSTEADY, and counts as a failed test.
// The last line is `N passed, N failed, N skipped`; a failed lint or type check counts as a failed test.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'

const CHECKS = {
  'biome check': ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.'],
  'tsc -p src/core': ['node_modules/typescript/bin/tsc', '-p', 'src/core'],
  'tsc -p src/dashboard': ['node_modules/typescript/bin/tsc', '-p', 'src/dashboard'],
  'tsc -p .': ['node_modules/typescript/bin/tsc', '-p', '.'],
}

const MAX_RETRIED_FILES = 3

const vitestArgs = process.argv.slice(2)
const inCi = process.env.CI === 'true'

const checks = vitestArgs.length > 0 ? { passed: 0, failed: 0 } : await runChecks()
const tests = await runTests(vitestArgs)

const passed = checks.passed + tests.passed
const failed = checks.failed + tests.failed + tests.unsteady.length
for (const name of tests.skipped) console.log(`SKIPPED: ${name}`)
for (const file of tests.unsteady) console.log(`UNSTEADY: ${file} failed beside others and passed alone; fix it`)
if (inCi && tests.skipped.length > 0) console.log('Skipped tests are failures in CI.')
process.exitCode = failed > 0 || (inCi && tests.skipped.length > 0) ? 1 : 0
console.log(`${passed} passed, ${failed} failed, ${tests.skipped.length} skipped`)

async function runChecks() {
  const results = await Promise.all(
    Object.entries(CHECKS).map(async ([name, args]) => {
      const { code, output } = await run(args, { gather: true })
      console.log(code === 0 ? `ok: ${name}` : `FAILED: ${name}\n${output}`)
      return code === 0
    }),
  )
  return { passed: results.filter(Boolean).length, failed: results.filter((ok) => !ok).length }
}

/** Runs all tests, and a few failed files again, alone. More failures than that are not caused by a busy machine. */
async function runTests(args) {
  const first = await runVitest(args)
  const again = first.failedFiles
  if (again.length === 0 || again.length > MAX_RETRIED_FILES) return { ...first, unsteady: [] }
  console.log(`\nRunning again, alone: ${again.join(', ')}`)
  const second = await runVitest([...again, '--maxWorkers=1'])
  return {
    passed: first.passed - first.passedBesideFailed + second.passed,
    failed: second.failed,
    skipped: [...new Set([...first.skipped, ...second.skipped])],
    unsteady: again.filter((file) => !second.failedFiles.includes(file)),
  }
}

/** Counts tests in vitest's JSON report; a file that cannot be loaded, or an error outside tests, is one failure. */
async function runVitest(args) {
  const directory = mkdtempSync(join(tmpdir(), 'gw-test-'))
  const report = join(directory, 'report.json')
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    const { code } = await run(['node_modules/vitest/vitest.mjs', 'run', ...reporters, ...args], {})
    const files = readReport(report)
    const outcomes = files.flatMap((file) => file.assertionResults)
    const passed = outcomes.filter((test) => test.status === 'passed').length
    const broken = files.filter((file) => file.status === 'failed' && !file.assertionResults.some(isFailed)).length
    const failed = outcomes.filter(isFailed).length + broken
    const bad = files.filter((file) => file.status === 'failed')
    const skipped = outcomes.filter((test) => test.status !== 'passed' && !isFailed(test))
    return {
      passed,
      failed: failed === 0 && code !== 0 ? 1 : failed,
      skipped: skipped.map((test) => test.fullName),
      failedFiles: bad.map((file) => relative(process.cwd(), file.name)),
      passedBesideFailed: bad.flatMap((file) => file.assertionResults).filter((test) => test.status === 'passed')
        .length,
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function isFailed(test) {
  return test.status === 'failed'
}

function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).testResults
  } catch {
    return [] // vitest exited without a report; its exit code shows that
  }
}

function run(args, { gather = false }) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { stdio: gather ? ['ignore', 'pipe', 'pipe'] : 'inherit' })
    let output = ''
    for (const stream of gather ? [child.stdout, child.stderr] : []) {
      stream.on('data', (chunk) => {
        output += chunk
      })
    }
    child.on('close', (code) => resolve({ code, output }))
  })
}
