// All mutations: every counting rule, broken once.
import { BECAUSE } from './because.ts'
import { FORGET } from './forget.ts'
import { HISTORY } from './history.ts'
import type { Mutation } from './mutation.ts'
import { RECONCILE } from './reconcile.ts'
import { REST } from './rest.ts'
import { RUNS } from './runs.ts'
import { UNIT_FACTS } from './unit-facts.ts'
import { UNIT_SNAPSHOT } from './unit-snapshot.ts'

export const MUTATIONS: readonly Mutation[] = Object.entries({
  ...RUNS,
  ...UNIT_SNAPSHOT,
  ...RECONCILE,
  ...REST,
  ...UNIT_FACTS,
  ...FORGET,
  ...HISTORY,
  ...BECAUSE,
}).flatMap(([file, rows]) => rows.map(([rule, from, to]) => ({ rule, file, from, to })))
