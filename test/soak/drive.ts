// Runs one plan on its own systemd, and returns the differences between the agent's counts and the journal.
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Event } from '../../src/core/event.ts'
import type { Observation } from '../../src/core/observation.ts'
import { startSystemd } from '../rig/systemd.ts'
import { clock } from '../systemd/clock.ts'
import { type AgentUnderTest, openAgentUnderTest } from './agent-under-test.ts'
import { type AgentRecord, countersOf, differences } from './compare.ts'
import type { FinalState } from './compare-health.ts'
import { unitNames, unprovableUnits } from './compared-units.ts'
import { type ExpectedRuns, expectedRunsOf } from './expected.ts'
import type { Action, PerformedAction, Plan } from './plan.ts'
import { openRigShell, type RigShell } from './rig-shell.ts'
import { SCRIPTS } from './unit-text.ts'

export interface Outcome {
  readonly differences: readonly string[]
  /** What the journal lacks; if anything, the run proves nothing. */
  readonly missingEvidence: readonly string[]
  readonly starts: number
  readonly stops: number
  readonly crashes: number
  readonly lost: number
  readonly observations: readonly Observation[]
  readonly events: readonly Event[]
  readonly expected: ExpectedRuns
  /** For the failure report: the journal, and the performed actions. */
  readonly journal: string
  readonly actions: readonly PerformedAction[]
}

/** The last signals may still be on their way to the agent. */
const SETTLE_TIMEOUT_MS = 3_000
const REST_TIMEOUT_MS = 8_000

/** Keeps the journal complete: systemd drops a line if the journal is busy for 10 ms, and the journal drops lines above its rate limit. */
const COMPLETE_JOURNAL = `mkdir -p /run/systemd/journald.conf.d
printf '[Journal]\\nRateLimitBurst=0\\n' >/run/systemd/journald.conf.d/soak.conf
systemctl restart systemd-journald.service
renice -n -15 -p $(systemctl show -P MainPID systemd-journald.service) >/dev/null`

/** Ends with the rig, and at the latest after two minutes. */
const CPU_HOG = "timeout 120 sh -c 'while :; do :; done' >/dev/null 2>&1 &"

export async function runPlan(plan: Plan): Promise<Outcome> {
  await using systemd = await startSystemd({ cgroup: plan.seed % 3 === 0 ? 'unified' : 'auto' })
  const spare = join(systemd.shareDir, 'spare')
  const first = join(systemd.shareDir, 'first')
  for (const directory of [spare, first]) mkdirSync(directory)
  const write = (directory: string, files: Readonly<Record<string, string>>) => {
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(directory, name), text.replaceAll('$SHARE', systemd.shareDir))
    }
  }
  write(systemd.shareDir, { ...SCRIPTS, ends: '', starts: '' })
  write(systemd.unitDir, plan.files)
  write(first, plan.files)
  write(spare, plan.spare)
  const shell = openRigShell(systemd, { ETC: systemd.unitDir, SHARE: systemd.shareDir, SPARE: spare })
  try {
    await shell.run(COMPLETE_JOURNAL)
    await systemd.daemonReload()
    const agent = await openAgentUnderTest({
      busAddress: systemd.busAddress,
      patterns: plan.watched,
      stateDir: mkdtempSync(join(systemd.shareDir, 'state-')),
      bootId: readFileSync(join(systemd.runDir, 'boot-id'), 'utf8').trim().replaceAll('-', ''),
      journalDir: plan.journal ? join(systemd.runDir, 'log/journal') : null,
    })
    if (plan.hog) await shell.run(CPU_HOG)
    const actions: PerformedAction[] = []
    const kills = createKills(agent)
    for (const action of plan.actions) {
      actions.push({ ms: clock.now().monoMs, text: actionText(action) })
      await perform(action, shell, agent, kills)
    }
    await kills.ended()
    if (plan.variant === 'bus') await agent.ready()
    actions.push({ ms: clock.now().monoMs, text: 'rest' })
    const finalStates = await waitForRest(shell, plan.watched)
    await shell.run('journalctl --sync')
    const journal = await shell.run('journalctl -o json --no-pager _PID=1 + _COMM=systemd-journal')
    const recorded = (name: string) => readFileSync(join(systemd.shareDir, name), 'utf8')
    const expected = expectedRunsOf(journal, recorded('ends'), recorded('starts'))
    const record = (): AgentRecord => ({
      state: agent.state(),
      events: agent.events(),
      intervals: agent.intervals(),
      interrupted: agent.interrupted(),
      unprovable: unprovableUnits(unitNames(plan.watched, expected, agent.state()), plan),
      actions,
      finalStates,
      now: agent.now(),
      // A journal query that times out is not an error: the runs it would have proved stay lost.
      problems: agent.problems().filter((problem) => !problem.startsWith('journal: could not recover')),
    })
    let found = differences(plan.watched, expected, record())
    for (let waited = 0; found.length > 0 && waited < SETTLE_TIMEOUT_MS; waited += 100) {
      await sleep(100)
      found = differences(plan.watched, expected, record())
    }
    await agent.stop()
    const sums = unitNames(plan.watched, expected, agent.state()).map((unit) =>
      countersOf(expected.units.get(unit) ?? []),
    )
    return {
      differences: found,
      missingEvidence: expected.missingEvidence,
      starts: sums.reduce((sum, c) => sum + c.starts, 0),
      stops: sums.reduce((sum, c) => sum + c.stops, 0),
      crashes: sums.reduce((sum, c) => sum + c.crashes, 0),
      lost: agent.state().units.reduce((sum, u) => sum + u.counters.lost, 0),
      observations: agent.observations,
      events: agent.events(),
      expected,
      journal,
      actions,
    }
  } finally {
    shell.close()
  }
}

export function actionText(action: Action): string {
  if (action.do === 'shell') return action.line
  if (action.do === 'bus') return 'kill the bus daemon'
  if (action.do === 'clock') return `set the clock ${action.aheadMs / 1000} s ahead`
  if (action.do === 'wait') return `wait ${action.ms} ms`
  const state = action.forgetMs === 0 ? 'its files' : `its state of ${action.forgetMs} ms before`
  const again = action.againMs.map((ms) => `, kill it again ${ms} ms later`).join('')
  return `kill the agent, restart it after ${action.ms} ms with ${state}${again}`
}

/** Kills of the agent, one at a time, beside the actions on units. */
function createKills(agent: AgentUnderTest) {
  let ended: Promise<void> = Promise.resolve()
  const kill = async ({ forgetMs, ms, againMs }: Extract<Action, { do: 'kill' }>) => {
    await agent.kill(forgetMs)
    await sleep(ms)
    for (const again of againMs) {
      const started = agent.start()
      await sleep(again)
      await agent.kill(0)
      await started
    }
    await agent.start()
    await agent.ready()
  }
  return {
    add(action: Extract<Action, { do: 'kill' }>) {
      ended = ended.then(() => kill(action))
      ended.catch(() => {}) // `ended` reports it
    },
    ended: () => ended,
  }
}

async function perform(
  action: Action,
  shell: RigShell,
  agent: AgentUnderTest,
  kills: ReturnType<typeof createKills>,
): Promise<void> {
  switch (action.do) {
    case 'shell':
      return void (await shell.run(`${action.line} 2>/dev/null`))
    case 'wait':
      return void (await sleep(action.ms))
    case 'kill':
      return kills.add(action)
    case 'clock':
      return agent.setClock(action.aheadMs)
    case 'bus':
      agent.busLost()
      await shell.run('systemctl kill --signal=KILL dbus.service')
      return
  }
}

/** Stops every unit that still changes state, until none does; units whose state is stable continue to run. */
async function waitForRest(shell: RigShell, watched: readonly string[]): Promise<ReadonlyMap<string, FinalState>> {
  const units = watched.map((unit) => `'${unit}'`).join(' ')
  const timers = watched
    .filter((unit) => /\.(timer|socket|path)$|^k-upholds\.target$/.test(unit))
    .map((unit) => `'${unit}'`)
  await shell.run(`timeout 2 systemctl thaw ${units} 2>/dev/null; systemctl kill --signal=CONT ${units} 2>/dev/null`)
  if (timers.length > 0) await shell.run(`systemctl stop ${timers.join(' ')} 2>/dev/null`)
  const deadline = performance.now() + REST_TIMEOUT_MS
  let before = ''
  for (;;) {
    const now = await shell.run(`systemctl show -p ${PROPERTIES} ${units}`)
    const isChanging = /ActiveState=(?:activating|deactivating|reloading)|^Job=[1-9]/m.test(now)
    if (now === before && !isChanging) return finalStatesOf(now)
    if (performance.now() > deadline) throw new Error(`the units did not become stable: ${now}`)
    const changed = changedUnits(before, now)
    // A unit that does not stop may have been edited to a long TimeoutStopSec=.
    if (now === before) await shell.run(`systemctl kill --signal=KILL ${changed.join(' ')} 2>/dev/null`)
    if (before !== '' && changed.length > 0)
      await shell.run(`systemctl stop --no-block ${changed.join(' ')} 2>/dev/null`)
    before = now
    await sleep(450)
  }
}

const PROPERTIES = 'Id,ActiveState,SubState,InvocationID,NRestarts,Job,StateChangeTimestampMonotonic'

function finalStatesOf(systemctlShow: string): ReadonlyMap<string, FinalState> {
  const units = systemctlShow.split('\n\n').map((block): [string, FinalState] => {
    const value = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(block)?.[1] ?? ''
    const changedMs = Number(value('StateChangeTimestampMonotonic')) / 1000
    return [value('Id'), { activeState: value('ActiveState'), changedMs }]
  })
  return new Map(units)
}

function changedUnits(before: string, now: string): string[] {
  const unchanged = new Set(before.split('\n\n'))
  return now.split('\n\n').flatMap((block) => {
    const id = /^Id=(.*)$/m.exec(block)?.[1]
    return id !== undefined && (!unchanged.has(block) || /=(de)?activating/.test(block)) ? [`'${id}'`] : []
  })
}
