// The match rules of a connection: the bus delivers the signals of every unit, or, while the watched units are few and named,
// only theirs, so that other units do not wake the agent.
import type { Bus } from '../dbus/bus.ts'
import {
  DRIVER,
  DRIVER_PATH,
  MANAGER,
  MANAGER_PATH,
  OWNER_RULE,
  PROPERTIES,
  SYSTEMD,
  systemdOwner,
} from './manager-api.ts'
import { unitPath } from './unit-path.ts'

/** The bus compares each signal with all rules; dbus-daemon(1) allows a client of the system bus 512. */
const UNITS_AT_MOST = 64

const ofManager = (rest: string) =>
  `type='signal',sender='${SYSTEMD}',path='${MANAGER_PATH}',interface='${MANAGER}',${rest}`
const changes = (path: string) =>
  `type='signal',sender='${SYSTEMD}',${path},interface='${PROPERTIES}',member='PropertiesChanged'`

/** What is always needed. UnitNew of any unit: it may trigger a watched one. */
const ALWAYS = [OWNER_RULE, ...['UnitNew', 'UnitRemoved', 'Reloading'].map((member) => ofManager(`member='${member}'`))]
const EVERY_UNIT = [
  ofManager("member='JobNew'"),
  ofManager("member='JobRemoved'"),
  changes(`path_namespace='${MANAGER_PATH}/unit'`),
]

/** The units whose signals are needed. */
export interface NeededUnits {
  readonly watched: readonly string[]
  /** Object paths of units whose changes are needed, but not their jobs. */
  readonly others: readonly string[]
  /** Units whose jobs are needed, but not their changes: as many as there is room for. */
  readonly related?: readonly string[]
}

export interface MatchRules {
  /** The signals of every unit are delivered from when this resolves. */
  everyUnit(): Promise<void>
  /**
   * From now on, only the signals of these units are delivered, as long as they are few; `needed` returns null if it cannot name
   * them. It is called again after rules were added, and these are added before others are removed: no signal of them is lost.
   */
  only(needed: () => NeededUnits | null): Promise<void>
  isEveryUnit(): boolean
  /** Whether `only` would remove the rules of every unit. */
  canBeFewer(needed: () => NeededUnits | null): boolean
  /** Whether the changes of the unit at this object path are delivered. */
  covers(path: string): boolean
}

export function createMatchRules(bus: Bus): MatchRules {
  const added = new Set<string>()
  let isEveryUnit = false
  /** The bus has refused a rule: there are too many for it. */
  let refused = false

  const call = (member: 'AddMatch' | 'RemoveMatch', rule: string) =>
    bus.call(DRIVER, DRIVER_PATH, DRIVER, member, 's', [rule])

  async function add(rules: readonly string[]): Promise<void> {
    const results = await Promise.allSettled(
      rules.filter((rule) => !added.has(rule)).map((rule) => call('AddMatch', rule).then(() => added.add(rule))),
    )
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  async function removeAllBut(rules: readonly string[]): Promise<void> {
    const kept = new Set(rules)
    const surplus = [...added].filter((rule) => !kept.has(rule))
    for (const rule of surplus) added.delete(rule)
    await Promise.allSettled(surplus.map((rule) => call('RemoveMatch', rule)))
  }

  const few = (needed: () => NeededUnits | null): NeededUnits | null => {
    const units = refused ? null : needed()
    return units !== null && units.watched.length + units.others.length <= UNITS_AT_MOST ? units : null
  }

  return {
    async everyUnit() {
      await add([...ALWAYS, ...EVERY_UNIT])
      isEveryUnit = true
    },
    async only(needed) {
      for (;;) {
        const units = few(needed)
        const rules = [...ALWAYS, ...(units === null ? EVERY_UNIT : rulesOf(units))]
        if (units === null || rules.every((rule) => added.has(rule))) {
          isEveryUnit = units === null
          return removeAllBut(rules)
        }
        try {
          await add(rules)
        } catch {
          refused = true
        }
      }
    },
    isEveryUnit: () => isEveryUnit,
    canBeFewer: (needed) => isEveryUnit && few(needed) !== null,
    covers: (path) => isEveryUnit || added.has(changes(`path='${path}'`)),
  }
}

function rulesOf({ watched, others, related = [] }: NeededUnits): readonly string[] {
  const room = UNITS_AT_MOST - watched.length - others.length
  const alsoJobs = related.filter((unit) => !watched.includes(unit)).slice(0, room)
  return [
    ...watched.map((unit) => changes(`path='${unitPath(unit)}'`)),
    ...[...watched, ...alsoJobs].map((unit) => ofManager(`arg2='${unit}'`)), // JobNew and JobRemoved
    ...others.map((path) => changes(`path='${path}'`)),
  ]
}

/** Requests signals from the bus, then passes systemd's unique name to `setOwner`; null if it is not on the bus. */
export async function requestSignals(
  bus: Bus,
  rules: MatchRules,
  setOwner: (owner: string | null) => void,
): Promise<void> {
  await rules.everyUnit()
  await new Promise<void>((resolve, reject) => {
    systemdOwner(bus, (error, owner) => {
      if (error !== null) return reject(error)
      setOwner(owner)
      resolve()
    })
  })
}
