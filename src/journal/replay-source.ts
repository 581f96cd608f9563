// Stands between systemd and the agent: after an absence it asks the journal what happened meanwhile, before anything
// that was seen since is told, so that what the journal proves is counted and not lost.
import { accessSync, constants, readdirSync } from 'node:fs'
import type { Observation } from '../core/observation.ts'
import type { State } from '../core/state.ts'
import type { ProvenRun } from '../core/unit.ts'
import type { Clock, Log, UnitSource } from '../ports.ts'
import { runJournalctl } from './journalctl.ts'
import { argsForUnits, runsIn } from './runs.ts'

/** journald takes up what systemd says a moment after it was done. */
const SETTLE_MS = 50
/** A cold journal on a slow device; what it has not told by then is not proven. */
const ANSWER_AT_MOST_MS = 5000
/** What is held meanwhile: more, and it goes on without the journal. */
const HELD_AT_MOST = 4096
const JOURNALS = ['/run/log/journal', '/var/log/journal']

interface JournalReplayOptions {
  readonly source: UnitSource
  /** What the agent knows; asked for when the absence is over. */
  readonly state: () => State
  readonly bootId: string
  readonly clock: Clock
  readonly log: Log
  /** The program and its first arguments, such as `--directory=`. */
  readonly command?: readonly string[]
  /** Whether there is a journal that we may read: nothing is run for one that is not. */
  readonly readable?: () => boolean
}

/** The same source; where the journal cannot be read nothing is different. */
export function withJournalReplay(options: JournalReplayOptions): UnitSource {
  const { source, state, bootId, clock, log, command = ['journalctl'], readable = journalReadable } = options
  const held: Observation[] = []
  let tell: (observation: Observation) => void = () => {}
  /** An absence is over with the next word on a unit; it ended when the gap did, or with that word itself. */
  let absent = true
  let gapEndedMonoMs: number | null = null
  let asking: Promise<void> | null = null
  let enough = () => {}

  const pump = () => {
    for (let next = held[0]; asking === null && next !== undefined; next = held[0]) {
      if (next.kind === 'gap') {
        absent = true
        gapEndedMonoMs = next.at.monoMs
      }
      if (absent && (next.kind === 'signal' || next.kind === 'read')) {
        absent = false
        ask(next, gapEndedMonoMs ?? next.at.monoMs)
      } else {
        held.shift()
        tell(next)
      }
    }
  }

  const ask = ({ at }: Observation, untilMonoMs: number) => {
    const units = state().units.flatMap(({ name, tracking }) => (tracking === 'interrupted' ? [name] : []))
    if (units.length === 0 || !readable()) return
    const answered = read(units, untilMonoMs)
    const givenUp = new Promise<typeof NONE>((resolve) => {
      enough = () => resolve(NONE)
    })
    asking = Promise.race([answered, givenUp]).then((runs) => {
      asking = null
      if (runs.size > 0) tell({ kind: 'proof', at, runs })
      pump()
    })
  }

  const read = async (units: readonly string[], untilMonoMs: number): Promise<typeof NONE> => {
    await new Promise<void>((resolve) => clock.after(SETTLE_MS, resolve))
    const { stdout, problem } = await runJournalctl(
      command,
      argsForUnits(units, bootId),
      ANSWER_AT_MOST_MS,
      clock.after,
    )
    if (problem !== null) log('info', `journal: cannot say what happened meanwhile (${problem})`)
    return problem === null ? runsIn(stdout, untilMonoMs) : NONE
  }

  const settled = async () => {
    while (asking !== null) await asking
  }

  return {
    ...source,
    start(observe) {
      tell = observe
      source.start((observation) => {
        held.push(observation)
        if (held.length > HELD_AT_MOST) enough()
        pump()
      })
    },
    async reconcile() {
      const done = await source.reconcile()
      await settled()
      return done
    },
    async stop() {
      enough()
      await settled()
      await source.stop()
    },
  }
}

const NONE: ReadonlyMap<string, readonly ProvenRun[]> = new Map()

/** A journal of the system is there and open to us: to root and the group systemd-journal (systemd-journald(8)). */
function journalReadable(): boolean {
  return JOURNALS.some((journal) => {
    try {
      return readdirSync(journal).some((machine) => {
        try {
          accessSync(`${journal}/${machine}/system.journal`, constants.R_OK)
          return true
        } catch {
          return false
        }
      })
    } catch {
      return false
    }
  })
}
