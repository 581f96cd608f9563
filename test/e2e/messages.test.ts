// Whatever a command line, the environment or a file contains, no command prints a control character of it.
import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { COMMAND_NAMES } from '../../src/cli/command-table.ts'
import { BINARY, removeDirectory, temporaryDirectory } from '../rig/gatewatch.ts'

/** Clears the screen (with ESC [ and with CSI), rings, and forges a line. */
const EVIL = 'a\x1b[2J\x07\x9b2J\x7f\ngatewatch: forged'
const directory = temporaryDirectory()
afterAll(() => removeDirectory(directory))

/** A file whose name and content are evil. */
const file = join(directory, EVIL)
writeFileSync(file, JSON.stringify({ [EVIL]: EVIL, debug: EVIL, 'mosquitto.service': { starts: EVIL } }))
const folder = join(directory, `folder ${EVIL}`)
mkdirSync(folder)

function run(args: readonly string[], env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BINARY, ...args], {
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin', HOME: directory, ...env },
  })
  return { status, stdout, stderr }
}

const OPERAND: Readonly<Record<string, string>> = {
  'check-config': file,
  dump: file,
  import: file,
  'create-config': file,
}
/** Nothing is queried or changed on this machine. */
const NOWHERE: readonly string[] = ['--socket', join(directory, 'none'), '-p', file]
const SOCKET_COMMANDS = ['status', 'events', 'clear', 'import']

test.each(
  [
    ...COMMAND_NAMES.map((command) => [
      command,
      ...(command === 'version' ? [EVIL] : [OPERAND[command] ?? EVIL]),
      ...(SOCKET_COMMANDS.includes(command) ? NOWHERE : []),
    ]),
    ['status', ...NOWHERE],
    ['events', ...NOWHERE, '--unit', EVIL],
    ['events', '--kind', EVIL],
    ['events', '--limit', EVIL],
    ['run', '--config', file],
    ['run', '--config', folder],
    ['run', '--services', EVIL],
    ['run', '-p', EVIL, '--prometheus-port', EVIL],
    ['check-config', folder],
    ['import', folder],
    ['create-unit', 'x', '--dry-run', '--', EVIL],
    ['create-unit', 'x.timer', '--dry-run', '--', '/bin/true'],
    ...['--description', '--run-as', '--working-directory', '--environment-file', '--restart', '--memory-max'].map(
      (option) => ['create-unit', 'x', '--dry-run', option, EVIL, '--', '/bin/true'],
    ),
    [`--${EVIL}`],
    [`--${EVIL}=x`],
    ['status', `--json=${EVIL}`],
  ].map((args) => [args.join(' ').replaceAll(EVIL, 'EVIL').replaceAll(directory, ''), args] as const),
)('%s', (_, args) => {
  expectClean(run(args))
})

test('variables of the environment', () => {
  const named = {
    GATEWATCH_MQTT_URL: EVIL,
    GATEWATCH_TIMEOUT: EVIL,
    [`GATEWATCH_${EVIL}`]: 'x',
    GATEWATCH_CONFIG: file,
  }
  expectClean(run(['check-config'], named))
  expectClean(run(['list'], named))
})

test('an output that the disk has no room for is an error; a reader that ends early is not', () => {
  const full = openSync('/dev/full', 'w')
  const { status, stderr } = spawnSync(process.execPath, [BINARY, 'create-config', '-'], {
    stdio: ['ignore', full, 'pipe'],
    encoding: 'utf8',
  })
  closeSync(full)
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: 'gatewatch: cannot write the output: no space left on the file system\n',
  })
  const command = '{ "$0" "$1" create-config - || echo "exit code $?" >&2; } | true'
  const early = spawnSync('sh', ['-c', command, process.execPath, BINARY], { encoding: 'utf8' })
  expect({ status: early.status, stderr: early.stderr }).toEqual({ status: 0, stderr: '' })
})

function expectClean({ status, stdout, stderr }: ReturnType<typeof run>): void {
  expect(status).not.toBeNull()
  expect(stdout + stderr).not.toBe('')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  expect(stdout + stderr).not.toMatch(/[\0-\x09\x0b-\x1f\x7f-\x9f]/)
  expect(stderr).not.toMatch(/^gatewatch: forged/m)
}
