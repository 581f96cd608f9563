// Every counting rule, broken once.
import { ABSENCE } from './absence.ts'
import { LIVES } from './lives.ts'
import type { Mutation } from './mutation.ts'
import { REST } from './rest.ts'
import { SIGHT } from './sight.ts'

export const MUTATIONS: readonly Mutation[] = Object.entries({ ...LIVES, ...SIGHT, ...ABSENCE, ...REST }).flatMap(
  ([file, rows]) => rows.map(([rule, from, to]) => ({ rule, file, from, to })),
)
