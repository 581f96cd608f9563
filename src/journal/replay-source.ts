// Recovers a gap from the journal: reads which runs started and ended while signals were missed, and passes them on
// before any newer observation, so that they are counted and not lost.
import type { Observation } from '../core/observation.ts'
import type { State } from '../core/state.ts'
import type { ProvenRun } from '../core/unit.ts'
import type { Clock, Log, UnitSource } from '../ports.ts'
import { journalAccess } from './access.ts'
import { runJournalctl } from './journalctl.ts'
import { argsForUnits, runsIn } from './runs.ts'

/** journald may receive systemd's messages a moment late. */
const SETTLE_MS = 50
/** On a slow device, the first read of a large journal takes long. After this time, its runs count as not proven. */
const READ_AT_MOST_MS = 5000
/** Observations that are held back while the journal is read; with more, it continues without the journal. */
const HELD_AT_MOST = 4096

interface JournalReplayOptions {
  readonly source: UnitSource
  /** The agent's state; read when the gap is over. */
  readonly state: () => State
  readonly bootId: string
  readonly clock: Clock
  readonly log: Log
  /** The program and its first arguments, such as `--directory=`. */
  readonly command?: readonly string[]
  /** Whether there is a journal that may be read; if not, journalctl is not run. */
  readonly readable?: () => boolean
  /** Called instead, after a gap of watched units. */
  readonly unread?: () => void
}

/** The same source, with the runs of a gap added. Without a readable journal it is unchanged. */
export function withJournalReplay(options: JournalReplayOptions): UnitSource {
  const { source, state, bootId, clock, log, command = ['journalctl'] } = options
  const { readable = () => journalAccess() === 'readable', unread = () => {} } = options
  const held: Observation[] = []
  let pass: (observation: Observation) => void = () => {}
  /** A gap is over with the next observation of a unit. It ended when signals came back, or with that observation. */
  let inGap = true
  let gapEndedMonoMs: number | null = null
  let reading: Promise<void> | null = null
  let stopReading = () => {}

  const pump = () => {
    for (let next = held[0]; reading === null && next !== undefined; next = held[0]) {
      if (next.kind === 'gap') {
        inGap = true
        gapEndedMonoMs = next.at.monoMs
      }
      if (inGap && ENDS_GAP.includes(next.kind)) {
        inGap = false
        replay(next, gapEndedMonoMs ?? next.at.monoMs)
      } else {
        held.shift()
        pass(next)
      }
    }
  }

  const replay = ({ at }: Observation, untilMonoMs: number) => {
    const units = state().units.flatMap(({ name, tracking }) => (tracking === 'interrupted' ? [name] : []))
    if (units.length === 0) return
    if (!readable()) return unread()
    const found = read(units, untilMonoMs)
    const stopped = new Promise<typeof NONE>((resolve) => {
      stopReading = () => resolve(NONE)
    })
    reading = Promise.race([found, stopped]).then((runs) => {
      reading = null
      if (runs.size > 0) pass({ kind: 'proof', at, runs })
      pump()
    })
  }

  const read = async (units: readonly string[], untilMonoMs: number): Promise<typeof NONE> => {
    await new Promise<void>((resolve) => clock.after(SETTLE_MS, resolve))
    const { stdout, problem } = await runJournalctl(command, argsForUnits(units, bootId), READ_AT_MOST_MS, clock.after)
    if (problem !== null) log('info', `journal: could not recover events missed while disconnected (${problem})`)
    return problem === null ? runsIn(stdout, untilMonoMs) : NONE
  }

  const settled = async () => {
    while (reading !== null) await reading
  }

  return {
    ...source,
    start(observe) {
      pass = observe
      source.start((observation) => {
        held.push(observation)
        if (held.length > HELD_AT_MOST) stopReading()
        pump()
      })
    },
    async reconcile() {
      const done = await source.reconcile()
      await settled()
      return done
    },
    async stop() {
      stopReading()
      await settled()
      await source.stop()
    },
  }
}

/** What shows the state of units after a gap. */
const ENDS_GAP: readonly Observation['kind'][] = ['signal', 'read', 'listed']

const NONE: ReadonlyMap<string, readonly ProvenRun[]> = new Map()
