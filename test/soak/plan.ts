// The plan of one seed: its units and its actions, all chosen before anything starts, so that it can be printed and shrunk.
import { type Random, seededRandom } from './random.ts'
import { type DrivenUnits, KINDS, STARTED_BY_OTHERS } from './unit-kinds.ts'

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
  /** Names and patterns. */
  readonly watched: readonly string[]
  /** The agent can read the journal, and recovers missed runs from it. */
  readonly journal: boolean
  /** A process uses as much CPU as it gets. */
  readonly hog: boolean
  readonly actions: readonly Action[]
}

const MIN_UNITS = 12
const STARTED_BY_OTHERS_PER_SEED = 2

export function planOf(seed: number, variant: Variant, actions: number): Plan {
  const random = seededRandom(seed)
  const spareRandom = seededRandom(seed + 1)
  const driven: DrivenUnits[] = []
  const spare: Record<string, string> = {}
  const byOthers = random.shuffled(Object.entries(STARTED_BY_OTHERS))
  const kinds = [
    ...byOthers.slice(0, STARTED_BY_OTHERS_PER_SEED),
    ...random.shuffled([...Object.entries(KINDS), ...byOthers.slice(STARTED_BY_OTHERS_PER_SEED)]),
  ]
  for (const [name, kind] of kinds) {
    if (driven.flatMap((d) => d.watched).length >= MIN_UNITS) break
    driven.push(kind(`k-${name}`, random))
    Object.assign(spare, kind(`k-${name}`, spareRandom).files)
  }
  const watched = driven.flatMap((d) => d.watched)
  const files = Object.assign({}, ...driven.map((d) => d.files))
  const first: Action[] = watched
    .filter((unit) => !unit.includes('*'))
    .map((unit) => shell(`systemctl --no-block start ${unit}`))
  const rest = Array.from({ length: actions - first.length }, () => action(random, driven, Object.keys(files), variant))
  const interruption = interruptionOf(random, variant)
  if (interruption !== null && !rest.some(({ do: kind }) => kind === interruption.do))
    rest.splice(random.whole(0, rest.length), 0, interruption)
  const journal = random.percent(50)
  const hog = random.percent(50)
  return {
    seed,
    variant,
    files,
    spare,
    watched,
    journal,
    hog,
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

const VERBS =
  'start start start stop stop restart restart try-restart try-restart reload reload-or-restart reset-failed'.split(' ')
const SIGNALS = ['KILL', 'KILL', 'KILL', 'TERM', 'SEGV', 'ABRT', 'USR1', 'USR2', 'STOP', 'CONT', 'HUP']

function action(random: Random, driven: readonly DrivenUnits[], files: readonly string[], variant: Variant): Action {
  const interruption = random.percent(variant === 'twice' ? 15 : 6) ? interruptionOf(random, variant) : null
  if (interruption !== null) return interruption
  const unit = `'${random.one(driven.flatMap((d) => d.watched))}'`
  const draw = random.whole(0, 99)
  if (draw < 35) return shell(`systemctl --no-block ${random.one(VERBS)} ${unit}`)
  if (draw < 42) return shell(overtakingJobs(random, unit))
  if (draw < 67) {
    const whom = random.one(['main', 'main', 'main', 'all', 'control'])
    return shell(`systemctl kill --signal=${random.one(SIGNALS)} --kill-who=${whom} ${unit}`)
  }
  if (draw < 71) return shell('systemctl daemon-reload')
  if (draw < 73) return shell('systemctl daemon-reexec')
  if (draw < 75) return shell('systemctl reset-failed')
  if (draw < 76) return { do: 'clock', aheadMs: random.one([0, 3_600_000, -3_600_000, -TO_1970_MS]) }
  if (draw < 77) return shell(`timeout 1 systemctl ${random.one(['freeze', 'thaw'])} ${unit}`)
  if (draw < 86) {
    const lines = driven.flatMap((d) => d.shellLines)
    return shell(lines.length > 0 ? random.one(lines) : `systemctl --no-block start ${unit}`)
  }
  // Not of these: a timer or path without its service is failed in the journal, but dead on the bus.
  const edited = files.filter((name) => !/^k-(timer|path)\./.test(name))
  if (edited.length === 0) return shell('systemctl daemon-reload')
  const file = random.one(edited)
  const edit = draw < 93 && file.endsWith('.service') ? dropIn(random, file) : changeOfFile(random, file)
  return shell(random.percent(80) ? `${edit}; systemctl daemon-reload` : edit)
}

/** A kill of the agent or of the bus; each seed of the variant has at least one. Null if the variant has none. */
function interruptionOf(random: Random, variant: Variant): Action | null {
  if (variant === 'connected') return null
  if (variant === 'bus') return { do: 'bus' }
  if (variant === 'killed') {
    return { do: 'kill', forgetMs: random.one([0, 0, 50, 500, 2000]), ms: random.one([0, 50, 200, 800]), againMs: [] }
  }
  const again = () => random.whole(0, random.one([5, 60, 500]))
  return {
    do: 'kill',
    forgetMs: random.one([0, 0, 0, 50, 2000]),
    ms: random.one([0, 0, 20, 300]),
    againMs: random.percent(70) ? [again()] : [again(), again()],
  }
}

/** Jobs that are queued while the one before is still waiting or running; at the same time or one after the other. */
function overtakingJobs(random: Random, unit: string): string {
  const verbs = Array.from({ length: random.whole(2, 4) }, () =>
    random.one(['start', 'stop', 'restart', 'try-restart']),
  )
  const together = random.percent(50)
  const jobs = verbs.map((verb) => `systemctl --no-block --job-mode=${random.one(JOB_MODES)} ${verb} ${unit}`)
  return together ? `(${jobs.join(' & ')} & wait)` : jobs.join('; ')
}

const JOB_MODES = ['replace', 'replace', 'replace', 'fail']

function dropIn(random: Random, file: string): string {
  const directory = `$ETC/${file}.d`
  if (random.percent(30)) return `rm -rf ${directory}`
  const line = random.one([
    ...['no', 'always', 'on-failure', 'on-success', 'on-abnormal'].map((restart) => `Restart=${restart}`),
    `RestartSec=${random.one(['0', '50ms', '300ms'])}`,
    'RestartPreventExitStatus=SIGKILL',
    'RestartForceExitStatus=0',
    'SuccessExitStatus=3 SIGKILL',
    'RuntimeMaxSec=300ms',
  ])
  return `mkdir -p ${directory}; printf '[Service]\\n${line}\\n' >${directory}/50-edit.conf`
}

function changeOfFile(random: Random, file: string): string {
  return random.one([
    `ln -sf /dev/null $ETC/${file}`, // masked
    `systemctl start ${file.replace('@.', '@a.')}; ln -sf /dev/null $ETC/${file}; systemctl daemon-reload`, // while it runs
    `rm -f $ETC/${file}`,
    `rm -f $ETC/${file}; cp $SPARE/${file} $ETC/`,
    `rm -f $ETC/${file}; cp $SHARE/first/${file} $ETC/`,
    `rm -f $ETC/${file}; printf '[Service]\\nExecStart=nonsense\\n' >$ETC/${file}`,
  ])
}
