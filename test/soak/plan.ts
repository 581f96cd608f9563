// What one seed does: its units and its actions, all made before anything starts, so that it can be told and shrunk.
import { type Chance, chance } from './chance.ts'
import { type Driven, KINDS } from './kinds.ts'

export type Variant = 'heard' | 'killed' | 'bus'
export const VARIANTS: readonly Variant[] = ['heard', 'killed', 'bus']

export type Action =
  /** A line for the shell inside, with $ETC (unit files), $SHARE and $SPARE (other forms of them). */
  | { readonly do: 'shell'; readonly line: string }
  | { readonly do: 'wait'; readonly ms: number }
  /** The agent ends, keeping what it knew so long ago, and comes back later. */
  | { readonly do: 'away'; readonly forgetMs: number; readonly ms: number }
  /** The wall clock is set, so far ahead of the real one. */
  | { readonly do: 'clock'; readonly aheadMs: number }
  /** The bus daemon is killed; its socket brings it back. */
  | { readonly do: 'bus' }

export interface Plan {
  readonly seed: number
  readonly variant: Variant
  readonly files: Readonly<Record<string, string>>
  /** Other forms of the same files, for edits. */
  readonly spare: Readonly<Record<string, string>>
  readonly watched: readonly string[]
  /** The agent may read the journal, and proves with it what it did not hear. */
  readonly journal: boolean
  readonly actions: readonly Action[]
}

const UNITS_AT_LEAST = 12

export function planOf(seed: number, variant: Variant, actions: number): Plan {
  const by = chance(seed)
  const again = chance(seed + 1)
  const driven: Driven[] = []
  const spare: Record<string, string> = {}
  for (const [name, kind] of by.shuffled(Object.entries(KINDS))) {
    if (driven.flatMap((d) => d.watched).length >= UNITS_AT_LEAST) break
    driven.push(kind(`k-${name}`, by))
    Object.assign(spare, kind(`k-${name}`, again).files)
  }
  const watched = driven.flatMap((d) => d.watched)
  const files = Object.assign({}, ...driven.map((d) => d.files))
  const first: Action[] = watched.map((unit) => shell(`systemctl --no-block start ${unit}`))
  const rest = Array.from({ length: actions - first.length }, () => action(by, driven, Object.keys(files), variant))
  const journal = by.percent(50)
  return { seed, variant, files, spare, watched, journal, actions: [...first, ...rest].flatMap((a) => [a, pause(by)]) }
}

function pause(by: Chance): Action {
  return { do: 'wait', ms: by.one([0, 0, 0, 1, 3, 10, 30, 60, 150, 400]) }
}

function shell(line: string): Action {
  return { do: 'shell', line }
}

/** As a gateway boots that has no battery for its clock. */
const TO_1970_MS = 1_790_000_000_000

const VERBS = ['start', 'start', 'start', 'stop', 'stop', 'restart', 'restart', 'try-restart', 'reload', 'reset-failed']
const SIGNALS = ['KILL', 'KILL', 'KILL', 'TERM', 'SEGV', 'ABRT', 'USR1', 'USR2', 'STOP', 'CONT', 'HUP']

function action(by: Chance, driven: readonly Driven[], files: readonly string[], variant: Variant): Action {
  const unit = by.one(driven.flatMap((d) => d.watched))
  const draw = by.whole(0, 99)
  if (variant !== 'heard' && draw < 6) {
    if (variant === 'bus') return { do: 'bus' }
    return { do: 'away', forgetMs: by.one([0, 0, 50, 500, 2000]), ms: by.one([0, 50, 200, 800]) }
  }
  if (draw < 45) return shell(`systemctl --no-block ${by.one(VERBS)} ${unit}`)
  if (draw < 75) {
    const whom = by.one(['main', 'main', 'main', 'all', 'control'])
    return shell(`systemctl kill --signal=${by.one(SIGNALS)} --kill-who=${whom} ${unit}`)
  }
  if (draw < 79) return shell('systemctl daemon-reload')
  if (draw < 81) return shell('systemctl daemon-reexec')
  if (draw < 82) return shell('systemctl reset-failed')
  if (draw < 83) return { do: 'clock', aheadMs: by.one([0, 3_600_000, -3_600_000, -TO_1970_MS]) }
  if (draw < 84) return shell(`timeout 1 systemctl ${by.one(['freeze', 'thaw'])} ${unit}`)
  if (draw < 92) {
    const tricks = driven.flatMap((d) => d.tricks)
    return shell(tricks.length > 0 ? by.one(tricks) : `systemctl --no-block start ${unit}`)
  }
  // Not the timer's: a timer without its service is told as failed in the journal and as dead on the bus.
  const file = by.one(files.filter((name) => !name.startsWith('k-timer.')))
  const change = by.one([
    `ln -sf /dev/null $ETC/${file}`, // masked
    `rm -f $ETC/${file}`,
    `rm -f $ETC/${file}; cp $SPARE/${file} $ETC/`,
    `rm -f $ETC/${file}; cp $SHARE/first/${file} $ETC/`,
    `rm -f $ETC/${file}; printf '[Service]\\nExecStart=nonsense\\n' >$ETC/${file}`,
  ])
  return shell(by.percent(80) ? `${change}; systemctl daemon-reload` : change)
}
