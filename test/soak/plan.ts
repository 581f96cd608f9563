// The plan of one seed: its units and its actions, all chosen before anything starts, so that it can be printed and shrunk.
import { type Random, seededRandom } from './random.ts'
import { type DrivenUnits, KINDS } from './unit-kinds.ts'

export type Variant = 'connected' | 'killed' | 'twice' | 'bus'
export const VARIANTS: readonly Variant[] = ['connected', 'killed', 'twice', 'bus']

export type Action =
  /** A line for the shell in the rig, with $ETC (the unit files), $SHARE, and $SPARE (variants of the unit files). */
  | { readonly do: 'shell'; readonly line: string }
  | { readonly do: 'wait'; readonly ms: number }
  /**
   * The agent is killed, and restarts after `ms` with its files, or with the state that it had `forgetMs` before. Then it
   * is killed again, at each of these times after it was started, and starts again at once.
   */
  | { readonly do: 'kill'; readonly forgetMs: number; readonly ms: number; readonly againMs: readonly number[] }
  /** The wall clock is set, this far ahead of the real one. */
  | { readonly do: 'clock'; readonly aheadMs: number }
  /** The bus daemon is killed; its socket unit starts it again. */
  | { readonly do: 'bus' }

/** An action that was performed, and when. */
export interface PerformedAction {
  /** CLOCK_MONOTONIC, ms. */
  readonly ms: number
  readonly text: string
}

export interface Plan {
  readonly seed: number
  readonly variant: Variant
  readonly files: Readonly<Record<string, string>>
  /** Variants of the same files, for edits. */
  readonly spare: Readonly<Record<string, string>>
  readonly watched: readonly string[]
  /** The agent can read the journal, and recovers missed runs from it. */
  readonly journal: boolean
  readonly actions: readonly Action[]
}

const MIN_UNITS = 12

export function planOf(seed: number, variant: Variant, actions: number): Plan {
  const random = seededRandom(seed)
  const spareRandom = seededRandom(seed + 1)
  const driven: DrivenUnits[] = []
  const spare: Record<string, string> = {}
  for (const [name, kind] of random.shuffled(Object.entries(KINDS))) {
    if (driven.flatMap((d) => d.watched).length >= MIN_UNITS) break
    driven.push(kind(`k-${name}`, random))
    Object.assign(spare, kind(`k-${name}`, spareRandom).files)
  }
  const watched = driven.flatMap((d) => d.watched)
  const files = Object.assign({}, ...driven.map((d) => d.files))
  const first: Action[] = watched.map((unit) => shell(`systemctl --no-block start ${unit}`))
  const rest = Array.from({ length: actions - first.length }, () => action(random, driven, Object.keys(files), variant))
  const journal = random.percent(50)
  return {
    seed,
    variant,
    files,
    spare,
    watched,
    journal,
    actions: [...first, ...rest].flatMap((a) => [a, pause(random)]),
  }
}

function pause(random: Random): Action {
  return { do: 'wait', ms: random.one([0, 0, 0, 1, 3, 10, 30, 60, 150, 400]) }
}

function shell(line: string): Action {
  return { do: 'shell', line }
}

/** Sets the clock to about 1970, where a gateway without a battery-backed clock boots. */
const TO_1970_MS = 1_790_000_000_000

const VERBS = ['start', 'start', 'start', 'stop', 'stop', 'restart', 'restart', 'try-restart', 'reload', 'reset-failed']
const SIGNALS = ['KILL', 'KILL', 'KILL', 'TERM', 'SEGV', 'ABRT', 'USR1', 'USR2', 'STOP', 'CONT', 'HUP']

function action(random: Random, driven: readonly DrivenUnits[], files: readonly string[], variant: Variant): Action {
  const unit = random.one(driven.flatMap((d) => d.watched))
  const draw = random.whole(0, 99)
  if (variant === 'bus' && draw < 6) return { do: 'bus' }
  if (variant === 'killed' && draw < 6) {
    return { do: 'kill', forgetMs: random.one([0, 0, 50, 500, 2000]), ms: random.one([0, 50, 200, 800]), againMs: [] }
  }
  if (variant === 'twice' && draw < 15) {
    const again = () => random.whole(0, random.one([5, 60, 500]))
    return {
      do: 'kill',
      forgetMs: random.one([0, 0, 0, 50, 2000]),
      ms: random.one([0, 0, 20, 300]),
      againMs: random.percent(70) ? [again()] : [again(), again()],
    }
  }
  if (draw < 45) return shell(`systemctl --no-block ${random.one(VERBS)} ${unit}`)
  if (draw < 75) {
    const whom = random.one(['main', 'main', 'main', 'all', 'control'])
    return shell(`systemctl kill --signal=${random.one(SIGNALS)} --kill-who=${whom} ${unit}`)
  }
  if (draw < 79) return shell('systemctl daemon-reload')
  if (draw < 81) return shell('systemctl daemon-reexec')
  if (draw < 82) return shell('systemctl reset-failed')
  if (draw < 83) return { do: 'clock', aheadMs: random.one([0, 3_600_000, -3_600_000, -TO_1970_MS]) }
  if (draw < 84) return shell(`timeout 1 systemctl ${random.one(['freeze', 'thaw'])} ${unit}`)
  if (draw < 92) {
    const lines = driven.flatMap((d) => d.shellLines)
    return shell(lines.length > 0 ? random.one(lines) : `systemctl --no-block start ${unit}`)
  }
  // Not the timer's: a timer without its service is failed in the journal, but dead on the bus.
  const file = random.one(files.filter((name) => !name.startsWith('k-timer.')))
  const change = random.one([
    `ln -sf /dev/null $ETC/${file}`, // masked
    `rm -f $ETC/${file}`,
    `rm -f $ETC/${file}; cp $SPARE/${file} $ETC/`,
    `rm -f $ETC/${file}; cp $SHARE/first/${file} $ETC/`,
    `rm -f $ETC/${file}; printf '[Service]\\nExecStart=nonsense\\n' >$ETC/${file}`,
  ])
  return shell(random.percent(80) ? `${change}; systemctl daemon-reload` : change)
}
