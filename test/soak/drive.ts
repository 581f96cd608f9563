// Runs one plan on a systemd of its own and says what gatewatch got wrong.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Event } from '../../src/core/event.ts'
import type { Observation } from '../../src/core/observation.ts'
import { startSystemd } from '../rig/systemd.ts'
import { clock } from '../systemd/clock.ts'
import { countersOf, differences, neverProven, type Told } from './compare.ts'
import type { AtRest } from './compare-health.ts'
import { type Heard, hear } from './heard.ts'
import { type Inside, inside } from './inside.ts'
import type { Action, Plan } from './plan.ts'
import { type Truth, truthOf } from './truth.ts'
import { SCRIPTS } from './unit-text.ts'

export interface Outcome {
  readonly differences: readonly string[]
  /** Why the truth could not be known; such a run proves nothing. */
  readonly doubts: readonly string[]
  readonly starts: number
  readonly stops: number
  readonly crashes: number
  readonly lost: number
  readonly observations: readonly Observation[]
  readonly events: readonly Event[]
  readonly truth: Truth
  /** For a look at what went wrong: the journal itself, and when each action was done (monotonic ms). */
  readonly journal: string
  readonly actions: readonly { readonly ms: number; readonly text: string }[]
}

/** What is told last may still be under way. */
const SETTLE_AT_MOST_MS = 3_000
const REST_AT_MOST_MS = 8_000

/** systemd waits 10 ms for the journal, then drops its line; and the journal drops what comes too fast. */
const WHOLE_JOURNAL = `mkdir -p /run/systemd/journald.conf.d
printf '[Journal]\\nRateLimitBurst=0\\n' >/run/systemd/journald.conf.d/soak.conf
systemctl restart systemd-journald.service
renice -n -15 -p $(systemctl show -P MainPID systemd-journald.service) >/dev/null`

export async function drive(plan: Plan): Promise<Outcome> {
  await using systemd = await startSystemd({ cgroup: plan.seed % 3 === 0 ? 'unified' : 'auto' })
  const spare = join(systemd.shareDir, 'spare')
  const first = join(systemd.shareDir, 'first')
  for (const directory of [spare, first]) mkdirSync(directory)
  const write = (directory: string, files: Readonly<Record<string, string>>) => {
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(directory, name), text.replaceAll('$SHARE', systemd.shareDir))
    }
  }
  write(systemd.shareDir, { ...SCRIPTS, ends: '' })
  write(systemd.unitDir, plan.files)
  write(first, plan.files)
  write(spare, plan.spare)
  const shell = inside(systemd, { ETC: systemd.unitDir, SHARE: systemd.shareDir, SPARE: spare })
  try {
    await shell.run(WHOLE_JOURNAL)
    await systemd.daemonReload()
    const heard = await hear({
      busAddress: systemd.busAddress,
      patterns: plan.watched,
      bootId: readFileSync(join(systemd.runDir, 'boot-id'), 'utf8').trim().replaceAll('-', ''),
      journalDir: plan.journal ? join(systemd.runDir, 'log/journal') : null,
    })
    const actions: { ms: number; text: string }[] = []
    for (const action of plan.actions) {
      actions.push({ ms: clock.now().monoMs, text: wordsOf(action) })
      await act(action, shell, heard)
    }
    if (plan.variant === 'bus') await heard.listening()
    actions.push({ ms: clock.now().monoMs, text: 'rest' })
    const resting = await rest(shell, plan.watched)
    const told = (): Told => ({
      state: heard.state(),
      events: heard.events(),
      windows: heard.windows(),
      neverProven: neverProven(plan.watched, [plan.files, plan.spare]),
      actions,
      rest: resting,
      now: heard.now(),
      // A journal that does not answer in time proves nothing, and nothing is wrong.
      problems: heard.problems().filter((problem) => !problem.startsWith('journal: cannot say')),
    })
    await shell.run('journalctl --sync')
    const journal = await shell.run('journalctl -o json --no-pager _PID=1 + _COMM=systemd-journal')
    const truth = truthOf(journal, readFileSync(join(systemd.shareDir, 'ends'), 'utf8'))
    let found = differences(plan.watched, truth, told())
    for (let waited = 0; found.length > 0 && waited < SETTLE_AT_MOST_MS; waited += 100) {
      await sleep(100)
      found = differences(plan.watched, truth, told())
    }
    await heard.stop()
    const sums = plan.watched.map((unit) => countersOf(truth.units.get(unit) ?? []))
    return {
      differences: found,
      doubts: truth.doubts,
      starts: sums.reduce((sum, c) => sum + c.starts, 0),
      stops: sums.reduce((sum, c) => sum + c.stops, 0),
      crashes: sums.reduce((sum, c) => sum + c.crashes, 0),
      lost: heard.state().units.reduce((sum, u) => sum + u.counters.lost, 0),
      observations: heard.observations,
      events: heard.events(),
      truth,
      journal,
      actions,
    }
  } finally {
    shell.end()
  }
}

export function wordsOf(action: Action): string {
  if (action.do === 'shell') return action.line
  if (action.do === 'bus') return 'the bus daemon is killed'
  if (action.do === 'clock') return `the clock is set ${action.aheadMs / 1000} s ahead`
  if (action.do === 'wait') return `wait ${action.ms} ms`
  return `the agent is killed, knows what it knew ${action.forgetMs} ms ago, and is back after ${action.ms} ms`
}

async function act(action: Action, shell: Inside, heard: Heard): Promise<void> {
  switch (action.do) {
    case 'shell':
      return void (await shell.run(`${action.line} 2>/dev/null`))
    case 'wait':
      return void (await sleep(action.ms))
    case 'away':
      await heard.kill(action.forgetMs)
      // While it is away the driver goes on: the next actions come in `ms`, and `back` waits for nobody.
      setTimeout(() => {}, action.ms)
      await sleep(action.ms)
      return heard.back()
    case 'clock':
      return heard.setClock(action.aheadMs)
    case 'bus':
      heard.deaf()
      await shell.run('systemctl kill --signal=KILL dbus.service')
      return
  }
}

/** Everything that moves by itself is stopped, until nothing moves any more; what stays quiet goes on running. */
async function rest(shell: Inside, watched: readonly string[]): Promise<ReadonlyMap<string, AtRest>> {
  const units = watched.map((unit) => `'${unit}'`).join(' ')
  const timers = watched.filter((unit) => /\.(timer|socket)$/.test(unit)).map((unit) => `'${unit}'`)
  await shell.run(`timeout 2 systemctl thaw ${units} 2>/dev/null; systemctl kill --signal=CONT ${units} 2>/dev/null`)
  if (timers.length > 0) await shell.run(`systemctl stop ${timers.join(' ')} 2>/dev/null`)
  const deadline = performance.now() + REST_AT_MOST_MS
  let before = ''
  for (;;) {
    const now = await shell.run(`systemctl show -p ${SHOWN} ${units}`)
    const moving = /ActiveState=(?:activating|deactivating|reloading)|^Job=[1-9]/m.test(now)
    if (now === before && !moving) return atRest(now)
    if (performance.now() > deadline) throw new Error(`the units do not come to rest: ${now}`)
    const moved = movedUnits(before, now)
    // What is told to stop and does not, is edited to wait long for it.
    if (now === before) await shell.run(`systemctl kill --signal=KILL ${moved.join(' ')} 2>/dev/null`)
    if (before !== '' && moved.length > 0) await shell.run(`systemctl stop --no-block ${moved.join(' ')} 2>/dev/null`)
    before = now
    await sleep(450)
  }
}

const SHOWN = 'Id,ActiveState,SubState,InvocationID,NRestarts,Job,StateChangeTimestampMonotonic'

function atRest(shown: string): ReadonlyMap<string, AtRest> {
  const units = shown.split('\n\n').map((block): [string, AtRest] => {
    const value = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(block)?.[1] ?? ''
    const changedMs = Number(value('StateChangeTimestampMonotonic')) / 1000
    return [value('Id'), { activeState: value('ActiveState'), changedMs }]
  })
  return new Map(units)
}

function movedUnits(before: string, now: string): string[] {
  const still = new Set(before.split('\n\n'))
  return now.split('\n\n').flatMap((block) => {
    const id = /^Id=(.*)$/m.exec(block)?.[1]
    return id !== undefined && (!still.has(block) || /=(de)?activating/.test(block)) ? [`'${id}'`] : []
  })
}
