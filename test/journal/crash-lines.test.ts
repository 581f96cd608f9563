// The last lines of a run: from a real journald, and from journalctls that fail, hang, or print too much.
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createCrashLineReader } from '../../src/journal/crash-lines.ts'
import { removeDirectory, temporaryDirectory } from '../rig/gatewatch.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { describeUnless, missingPrograms, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { clock } from '../systemd/clock.ts'

const ID = 'b6365141448c4ff2b52cec1bdde3251f'
const ENDED = `{"_PID":"1","_UID":"0","INVOCATION_ID":"${ID}","MESSAGE_ID":"98e322203f7a4ed290d09fe03c09fe15"}`
/** A line of the run as journalctl prints it. */
const line = (text: string) => `{"_PID":"7","_SYSTEMD_INVOCATION_ID":"${ID}","MESSAGE":"${text}"}`
const UNIT = 'verbose.service'

function readerWith(command: readonly string[], withinMs = 5000) {
  const logged: string[] = []
  const log = (level: string, message: string) => void logged.push(`${level} ${message}`)
  return { ...createCrashLineReader({ lines: 5, withinMs, clock, log, command }), logged }
}

/** A journalctl that is a script; `runs` counts how often it ran. */
function scripted(script: string, withinMs?: number) {
  const directory = temporaryDirectory()
  onTestFinished(() => removeDirectory(directory))
  const path = join(directory, 'journalctl')
  writeFileSync(path, `#!/bin/bash\necho run >>${directory}/runs\n${script}\n`)
  chmodSync(path, 0o755)
  const runs = () => readFileSync(`${directory}/runs`, 'utf8').split('\n').length - 1
  return { ...readerWith([path], withinMs), runs }
}

describe('a journalctl', () => {
  test('that succeeds is run once', async () => {
    const it = scripted(`echo '${ENDED}'; echo '${line('two')}'; echo '${line('one')}'`)
    expect(await it.linesOf(ID, UNIT)).toEqual(['one', 'two'])
    expect({ runs: it.runs(), logged: it.logged, missed: it.missed() }).toEqual({ runs: 1, logged: [], missed: 0 })
  })

  test('is run once for the lines and the records of the same crash', async () => {
    const forged = `{"MESSAGE_ID":"fc2e22bc6ee647b6b90729ab34a250b1","COREDUMP_UNIT":"${UNIT}","MESSAGE":"not a line of the run"}`
    const it = scripted(`echo '${ENDED}'; echo '${forged}'; echo '${line('one')}'`)
    const [reading, lines] = await Promise.all([
      it.readCrash(ID, UNIT, { coredump: true, oom: false }),
      it.linesOf(ID, UNIT),
    ])
    expect([reading?.lines, lines]).toEqual([['one'], ['one']])
    expect(reading?.entries.map((entry) => entry['MESSAGE_ID'])).toContain('fc2e22bc6ee647b6b90729ab34a250b1')
    expect(it.runs()).toBe(1)
    await it.linesOf(ID, UNIT)
    expect(it.runs()).toBe(2)
  })

  test('is run once more while the end of the run is missing', async () => {
    const it = scripted(`echo '${line('one')}'`)
    expect(await it.linesOf(ID, UNIT)).toEqual(['one'])
    expect(it.runs()).toBe(2)
  })

  test('that fails is logged once with its own error, and once when it works again', async () => {
    const it = scripted(`f=$(dirname "$0")/ok; [ -e $f ] && { echo '${ENDED}'; exit 0; }; touch $f.$$
      [ $(ls $f.* | wc -l) -lt 2 ] || touch $f; echo 'No journal files were opened due to insufficient permissions.' >&2; exit 1`)
    expect(await it.linesOf(ID, UNIT)).toBeNull()
    expect(await it.linesOf(ID, UNIT)).toBeNull()
    expect(it.missed()).toBe(2)
    expect(await it.linesOf(ID, UNIT)).toEqual([])
    expect(it.logged).toEqual([
      'warning crash_log_lines: cannot read the journal: No journal files were opened due to insufficient permissions. (add the user of the agent to the group systemd-journal)',
      'info crash_log_lines: the journal can be read again',
    ])
  })

  test('that is missing gives no lines', async () => {
    const it = readerWith(['/nowhere/journalctl'])
    expect(await it.linesOf(ID, UNIT)).toBeNull()
    expect(it.logged).toEqual(['warning crash_log_lines: cannot read the journal: spawn /nowhere/journalctl ENOENT'])
  })

  test('that hangs is killed at the time limit', async () => {
    const it = scripted('exec sleep 100', 300)
    const began = performance.now()
    expect(await it.linesOf(ID, UNIT)).toBeNull()
    expect(performance.now() - began).toBeLessThan(2000)
    expect(it.logged[0]).toMatch(/cannot read the journal: timed out after \d+ ms$/)
  })

  test('that prints too much is cut off', async () => {
    const it = scripted(`echo '${line('newest')}'; yes '${line('old')}'`)
    expect(await it.linesOf(ID, UNIT)).toEqual(['old', 'old', 'old', 'old', 'newest'])
    expect(it.logged).toEqual([])
  })

  test('runs one at a time; a query that finds eight waiting gets nothing', async () => {
    const it = scripted(
      `d=$(dirname "$0"); mkdir $d/lock || touch $d/two; sleep 0.05; rmdir $d/lock; [ ! -e $d/two ] || exit 1; echo '${ENDED}'; echo '${line('one')}'`,
    )
    const results = await Promise.all(Array.from({ length: 12 }, () => it.linesOf(ID, UNIT)))
    expect(results).toEqual([...Array(9).fill(['one']), null, null, null])
    expect({ runs: it.runs(), missed: it.missed(), logged: it.logged }).toEqual({ runs: 9, missed: 3, logged: [] })
  })

  test('is checked before it is needed', async () => {
    const it = scripted('echo "-- No journal --" >&2; exit 1')
    await it.check()
    expect(it.logged).toEqual(['warning crash_log_lines: cannot read the journal: -- No journal --'])
  })
})

describeUnless(noSystemd() ?? missingPrograms('journalctl'), 'a real journal', () => {
  let rig: Systemd
  beforeAll(async () => {
    rig = await startSystemd()
    const script = 'for i in 1 2 3 4 5 6 7; do echo line $i; done; echo last line >&2; exit 3'
    rig.writeUnit('verbose.service', `[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/sh -c '${script}'\n`)
    rig.writeUnit('missing.service', '[Service]\nExecStart=/usr/bin/no-such-program\n')
    rig.writeUnit('silent.service', '[Service]\nExecStart=/bin/false\n')
    await rig.daemonReload()
  })
  afterAll(() => rig.stop())

  const here = () => readerWith(['journalctl', '--quiet', `--directory=${join(rig.runDir, 'log/journal')}`])
  const runOf = async (unit: string) => {
    await rig.systemctl('start', unit)
    const ended = await until(() => rig.show(unit, 'InvocationID', 'ActiveState'), {
      what: `the end of ${unit}`,
      is: (now) => now['ActiveState'] === 'failed',
      everyMs: 1,
    })
    return ended['InvocationID'] ?? ''
  }

  test('has the last lines of the run, from stdout and stderr', async () => {
    const it = here()
    expect(await it.linesOf(await runOf(UNIT), UNIT)).toEqual([
      ...['line 4', 'line 5', 'line 6', 'line 7', 'last line'],
    ])
    expect(it.logged).toEqual([])
  })

  test('has the reason why a program could not be started', async () => {
    const lines = await here().linesOf(await runOf('missing.service'), 'missing.service')
    expect(lines?.join('\n')).toContain('/usr/bin/no-such-program')
  })

  test('has no lines for a silent run, and none of another run', async () => {
    await runOf(UNIT)
    expect(await here().linesOf(await runOf('silent.service'), 'silent.service')).toEqual([])
    expect(await here().linesOf('0'.repeat(32), UNIT)).toBeNull() // without the end of the run: journald may lag
  })

  test('is complete in time for each of fifty crashes', { timeout: 60_000 }, async () => {
    const it = here()
    const took: number[] = []
    for (let i = 0; i < 50; i++) {
      const id = await runOf(UNIT)
      const began = performance.now()
      expect((await it.linesOf(id, UNIT))?.at(-1)).toBe('last line')
      took.push(performance.now() - began)
    }
    took.sort((a, b) => a - b)
    console.log(`lines of a crash: median ${took[25]?.toFixed(0)} ms, worst ${took.at(-1)?.toFixed(0)} ms`)
  })
})
