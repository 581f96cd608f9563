// Help and man page: each covers every command, option and key of the tables.
import { describe, expect, test } from 'vitest'
import { parseArguments } from '../../../src/cli/args.ts'
import { COMMAND_NAMES, optionRow, rowOfCommand } from '../../../src/cli/command-table.ts'
import { help, seeHelp } from '../../../src/cli/commands/help.ts'
import { FLAGS, type FlagTarget, valueName } from '../../../src/cli/flags.ts'
import { manualPage } from '../../../src/cli/man.ts'
import { KEY_NAMES } from '../../../src/config/keys.ts'
import { loadText } from '../../config/load-text.ts'
import { recordingConsole } from '../fake-agent.ts'

function helpOf(topic?: string): string {
  const out = recordingConsole()
  help(topic, null, out)
  return out.out()
}

/** --clear and --create-config select a command; they are described with gatewatch itself. */
function isTheCommand(target: FlagTarget, name: string): boolean {
  return (
    target.kind === 'option' && ![undefined, 'help', 'version'].includes(optionRow(target.name).actsAs) && name !== ''
  )
}

describe('help', () => {
  test('names every command and every option of configuration, in 80 columns', () => {
    const text = helpOf()
    for (const name of COMMAND_NAMES) expect(text).toMatch(new RegExp(`^  ${name}\\b`, 'm'))
    for (const [flag, { kind }] of FLAGS) if (kind !== 'option') expect(text).toContain(flag)
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
  })

  test.each(COMMAND_NAMES)('of %s fits 80 columns and names its options', (name) => {
    const text = helpOf(name)
    expect(text).toContain(`  gatewatch ${name} - `)
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
  })

  test('of a command has all its sections', () => {
    expect(helpOf('clear')).toMatchInlineSnapshot(`
      "NAME
        gatewatch clear - reset all counters to zero and clear the stored events

      SYNOPSIS
        gatewatch clear [--keep-events]

      DESCRIPTION
        A running unit counts as one start. The gateway keeps its identity, and event
        numbers continue: the next event is a command event, which announces the gap.
        Events that wait for the broker are published first; those that cannot be
        published within a second are dropped, and announced.

      OPTIONS
        --keep-events               Clear only the counters.
        --config FILE               Configuration file (environment:
                                    GATEWATCH_CONFIG).
        --user                      Use the systemd instance of the user, the XDG
                                    directories and any free port.
        -h, --help                  Show help.
        -v, --version               Show the version.
        --socket PATH               Local socket used by the command line tools.
                                    Default: /run/gatewatch/gatewatch.sock.
        -p, --persistence-file FILE
                                    State file with counters and recent events, or a
                                    partition prepared by the command format. Not in a
                                    tmpfs. Default: /var/lib/gatewatch/state.ring.
        -l, --log-file FILE         Empty this file, too: a regular file, and if the
                                    agent is running only its own log_file or
                                    events_file.

      EXAMPLES
        gatewatch clear --keep-events
                                    Reset only the counters.
        gatewatch --clear -l /var/log/gatewatch.log
                                    Empty the log as well, as in the former program.

      EXIT CODES
        0  Success.
        1  Failure while running.
        2  Wrong usage or configuration.
        4  Permission denied.
        5  No such unit.
      "
    `)
  })

  test('lists the watched units, and where they are configured', async () => {
    const sectionOf = async (...loaded: Parameters<typeof loadText>) => {
      const out = recordingConsole()
      help(undefined, await loadText(...loaded), out)
      return /WATCHED UNITS\n([\s\S]*?)\n\n[A-Z]/.exec(out.out())?.[1]
    }
    expect(await sectionOf(null)).toMatch(
      /^ {2}wirepas-gateway\.service, wirepas-sink-ttys1\.service,[\s\S]*\n\n {2}\(default\)$/,
    )
    expect(await sectionOf(null, {}, '-h --services a b')).toBe(
      '  a.service, b.service\n\n  (command line: --services)',
    )
    expect(await sectionOf('{"monitored_services": ["sink@*"')).toMatch(
      /\(default; \/etc\/gatewatch\/config\.json:1:\d+: /,
    )
  })

  test('has bold titles on a terminal', () => {
    const out = recordingConsole({ color: true })
    help('clear', null, out)
    expect(out.out().startsWith('\u001b[1mNAME\u001b[22m\n')).toBe(true)
  })

  test('is mentioned after a usage error', () => {
    expect(seeHelp(null)).toBe('see: gatewatch help\n')
    expect(seeHelp('list')).toBe('see: gatewatch help list\n')
  })

  test.each(COMMAND_NAMES)('of %s offers exactly the options that the command accepts', (name) => {
    const offered = new Set(
      helpOf(name)
        .match(/^ {2}(-\w, )?--[a-z-]+/gm)
        ?.map((term) => term.replace(/^.*--/, '--')),
    )
    const operands = { completion: ['bash'], 'create-unit': ['a', 'b'], help: [] as string[] }[name as string] ?? ['a']
    const words = rowOfCommand(name).minOperands === 0 ? [] : operands
    for (const [flag, target] of FLAGS) {
      const value = { '--kind': 'crash', '--limit': '1' }[flag] ?? 'x'
      const given = valueName(target) === undefined ? [flag] : [`${flag}=${value}`]
      const parsed = parseArguments([name, ...given, ...words])
      const accepted = 'problem' in parsed ? parsed.problem : true
      const isOffered = flag.startsWith('--') ? offered.has(flag) : null
      if (isOffered === null || isTheCommand(target, name)) continue
      expect([flag, accepted]).toEqual([flag, isOffered || expect.stringContaining(`not valid with ${name}`)])
    }
  })
})

describe('the manual page', () => {
  const page = manualPage('0.1.0', '2026-11-20')

  test('names every command, option and key', () => {
    const plain = page.replaceAll('\\-', '-')
    for (const name of COMMAND_NAMES) expect(plain).toContain(`.SH "COMMAND ${name}"`)
    for (const flag of FLAGS.keys()) expect(plain).toContain(flag)
    for (const key of KEY_NAMES) expect(plain).toContain(key)
    expect(plain).toContain('Empty this file, too')
    expect(page).toContain('.SH NAME\ngatewatch \\- watch systemd units')
  })

  test('is reproducible, and no text line starts like a macro', () => {
    expect(manualPage('0.1.0', '2026-11-20')).toBe(page)
    for (const line of page.split('\n')) if (/^[.']/.test(line)) expect(line).toMatch(/^\.(TH|SH|TP|PP|B|br|nh)\b/)
  })
})
