// The completion scripts in real shells: what each offers for a line.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { SHELLS } from '../../../src/cli/command-table.ts'
import { completion } from '../../../src/cli/commands/completion.ts'
import type { Shell } from '../../../src/cli/completion/candidates.ts'
import { describeUnless, missingPrograms } from '../../rig/unavailable.ts'
import { recordingConsole, temporaryDirectory } from '../fake-agent.ts'

const CASES: readonly (readonly [string, readonly string[]])[] = [
  ['stat', ['status']],
  ['c', ['check-config', 'create-config', 'create-unit', 'clear', 'completion']],
  ['help ev', ['events']],
  ['events --f', ['--follow']],
  ['events --kind cr', ['crash']],
  ['run --log-f', ['--log-format', '--log-file']],
  ['--log-f', ['--log-format', '--log-file']],
  ['--log-format j', ['json']],
  ['--cl', ['--clear']],
  ['run --cl', []],
  ['status --j', ['--json']],
  ['status --deb', []],
  ['import scr', ['script']],
  ['dump -p scr', ['script']],
  ['completion ', ['bash', 'zsh', 'fish']],
  ['--prometheus-port ', []],
  ['restart mo', ['mosquitto.service', 'motd.timer']],
  ['show mos', ['mosquitto.service']],
  ['events --unit mot', ['motd.timer']],
  ['create-unit x --restart on-f', ['on-failure']],
  ['create-unit x --run-as roo', ['root']],
  ['create-unit x --working-directory dir', ['directory/']],
  ['list --fa', ['--failed']],
  ['start --backend c', ['command']],
]
const LINES = CASES.map(([line]) => `gatewatch ${line}`)

/** Runs commands with the fake systemctl in a directory that contains `script`, `directory` and the shell's script. */
type Run = (program: string, ...args: string[]) => string

const OFFERED: Readonly<Record<Shell, (script: string, run: Run) => string[][]>> = {
  bash: (script, run) =>
    LINES.map((line) => {
      const words = line.split(' ')
      const ask = `source ${script}; COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _gatewatch; printf '%s\n' "\${COMPREPLY[@]}"`
      return run('bash', '--norc', '-uc', ask).split('\n')
    }),
  zsh: (script, run) =>
    run('zsh', '-f', join(import.meta.dirname, 'offered.zsh'), script, ...LINES)
      .split('END\n')
      .map((part) => part.split('\n')),
  fish: (script, run) => {
    const asks = LINES.map((line) => `complete -C "${line}"; echo END`)
    return run('fish', '-N', '-c', `source ${script}; ${asks.join('; ')}`)
      .split('END\n')
      .map((part) => part.split('\n').map((match) => match.replace(/\t.*/, '')))
  },
}

for (const shell of SHELLS) {
  describeUnless(missingPrograms(shell), `completion in a real ${shell}`, () => {
    let offered: string[][]

    beforeAll(() => {
      using directory = temporaryDirectory()
      const script = join(directory.path, 'script')
      const out = recordingConsole()
      completion(shell, out)
      writeFileSync(script, out.out())
      const systemctl =
        '#!/bin/sh\necho "mosquitto.service loaded active running A broker"; echo "motd.timer static -"\n'
      writeFileSync(join(directory.path, 'systemctl'), systemctl, { mode: 0o755 })
      execFileSync('mkdir', [join(directory.path, 'directory')])
      const env = { ...process.env, HOME: directory.path, PATH: `${directory.path}:${process.env['PATH']}` }
      offered = OFFERED[shell](script, (program, ...args) =>
        execFileSync(program, args, { encoding: 'utf8', cwd: directory.path, env }),
      )
    }, 120_000)

    test.each(CASES.map(([line, expected], i) => [line, expected, i] as const))('%s', (_, expected, i) => {
      const names = (all: readonly string[] = []) =>
        [...new Set(all.map((one) => one.replace(/\/$/, '')).filter(Boolean))].sort()
      expect(names(offered[i])).toEqual(names(expected))
    })
  })
}
