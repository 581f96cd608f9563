// The journal's last lines of a run: from a real journald, and from journalctls that fail, hang, or say too much.
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
const OVER = `{"_PID":"1","_UID":"0","INVOCATION_ID":"${ID}","MESSAGE_ID":"98e322203f7a4ed290d09fe03c09fe15"}`
/** As journalctl shows a line of the run. */
const line = (text: string) => `{"_PID":"7","_SYSTEMD_INVOCATION_ID":"${ID}","MESSAGE":"${text}"}`
const UNIT = 'talks.service'

function journalBy(command: readonly string[], withinMs = 5000) {
  const logged: string[] = []
  const log = (level: string, message: string) => void logged.push(`${level} ${message}`)
  return { ...createCrashLineReader({ lines: 5, withinMs, clock, log, command }), logged }
}

/** A journalctl that is a script; `counted` says how often it ran. */
function scripted(script: string, withinMs?: number) {
  const directory = temporaryDirectory()
  onTestFinished(() => removeDirectory(directory))
  const path = join(directory, 'journalctl')
  writeFileSync(path, `#!/bin/bash\necho run >>${directory}/runs\n${script}\n`)
  chmodSync(path, 0o755)
  const runs = () => readFileSync(`${directory}/runs`, 'utf8').split('\n').length - 1
  return { ...journalBy([path], withinMs), runs }
}

describe('a journalctl', () => {
  test('that answers is run once', async () => {
    const it = scripted(`echo '${OVER}'; echo '${line('two')}'; echo '${line('one')}'`)
    expect(await it.linesOf(ID, UNIT)).toEqual(['one', 'two'])
    expect({ runs: it.runs(), logged: it.logged, missed: it.missed() }).toEqual({ runs: 1, logged: [], missed: 0 })
  })

  test('whose journal has not heard of the end yet is run once more', async () => {
    const it = scripted(`echo '${line('one')}'`)
    expect(await it.linesOf(ID, UNIT)).toEqual(['one'])
    expect(it.runs()).toBe(2)
  })

  test('that fails is a warning once, in its own words, and a word when it is over', async () => {
    const it = scripted(`f=$(dirname "$0")/ok; [ -e $f ] && { echo '${OVER}'; exit 0; }; touch $f.$$
      [ $(ls $f.* | wc -l) -lt 2 ] || touch $f; echo 'No journal files were opened due to insufficient permissions.' >&2; exit 1`)
    expect(await it.linesOf(ID, UNIT)).toBeNull()
    expect(await it.linesOf(ID, UNIT)).toBeNull()
    expect(it.missed()).toBe(2)
    expect(await it.linesOf(ID, UNIT)).toEqual([])
    expect(it.logged).toEqual([
      'warning crash_log_lines: cannot read the journal: No journal files were opened due to insufficient permissions. (the agent has to be in the group systemd-journal)',
      'info crash_log_lines: the journal can be read again',
    ])
  })

  test('that is not there is no lines', async () => {
    const it = journalBy(['/nowhere/journalctl'])
    expect(await it.linesOf(ID, UNIT)).toBeNull()
    expect(it.logged).toEqual(['warning crash_log_lines: cannot read the journal: spawn /nowhere/journalctl ENOENT'])
  })

  test('that hangs is killed in time', async () => {
    const it = scripted('exec sleep 100', 300)
    const began = performance.now()
    expect(await it.linesOf(ID, UNIT)).toBeNull()
    expect(performance.now() - began).toBeLessThan(2000)
    expect(it.logged[0]).toMatch(/cannot read the journal: no answer within \d+ ms$/)
  })

  test('that says more than anyone wants is cut off', async () => {
    const it = scripted(`echo '${line('newest')}'; yes '${line('old')}'`)
    expect(await it.linesOf(ID, UNIT)).toEqual(['old', 'old', 'old', 'old', 'newest'])
    expect(it.logged).toEqual([])
  })

  test('runs one at a time, and who comes when eight wait gets nothing', async () => {
    const it = scripted(
      `d=$(dirname "$0"); mkdir $d/lock || touch $d/two; sleep 0.05; rmdir $d/lock; [ ! -e $d/two ] || exit 1; echo '${OVER}'; echo '${line('one')}'`,
    )
    const answers = await Promise.all(Array.from({ length: 12 }, () => it.linesOf(ID, UNIT)))
    expect(answers).toEqual([...Array(9).fill(['one']), null, null, null])
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
    const script = 'for i in 1 2 3 4 5 6 7; do echo line $i; done; echo last words >&2; exit 3'
    rig.writeUnit('talks.service', `[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/sh -c '${script}'\n`)
    rig.writeUnit('missing.service', '[Service]\nExecStart=/usr/bin/no-such-program\n')
    rig.writeUnit('silent.service', '[Service]\nExecStart=/bin/false\n')
    await rig.daemonReload()
  })
  afterAll(() => rig.stop())

  const here = () => journalBy(['journalctl', '--quiet', `--directory=${join(rig.runDir, 'log/journal')}`])
  const runOf = async (unit: string) => {
    await rig.systemctl('start', unit)
    const ended = await until(() => rig.show(unit, 'InvocationID', 'ActiveState'), {
      what: `the end of ${unit}`,
      is: (now) => now['ActiveState'] === 'failed',
      everyMs: 1,
    })
    return ended['InvocationID'] ?? ''
  }

  test('has the last lines of the run, on stdout and stderr', async () => {
    const it = here()
    expect(await it.linesOf(await runOf(UNIT), UNIT)).toEqual([
      ...['line 4', 'line 5', 'line 6', 'line 7', 'last words'],
    ])
    expect(it.logged).toEqual([])
  })

  test('says why a program could not even be started', async () => {
    const lines = await here().linesOf(await runOf('missing.service'), 'missing.service')
    expect(lines?.join('\n')).toContain('/usr/bin/no-such-program')
  })

  test('has nothing of a silent run, and nothing of another', async () => {
    await runOf(UNIT)
    expect(await here().linesOf(await runOf('silent.service'), 'silent.service')).toEqual([])
    expect(await here().linesOf('0'.repeat(32), UNIT)).toBeNull() // not a word of its end: the journal may be behind
  })

  test('is complete in time, fifty crashes long', { timeout: 60_000 }, async () => {
    const it = here()
    const took: number[] = []
    for (let i = 0; i < 50; i++) {
      const id = await runOf(UNIT)
      const began = performance.now()
      expect((await it.linesOf(id, UNIT))?.at(-1)).toBe('last words')
      took.push(performance.now() - began)
    }
    took.sort((a, b) => a - b)
    console.log(`lines of a crash: median ${took[25]?.toFixed(0)} ms, worst ${took.at(-1)?.toFixed(0)} ms`)
  })
})
