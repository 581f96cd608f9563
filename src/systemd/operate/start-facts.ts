// Maps unit properties to what decides whether and when systemd starts a unit, for both back ends of unit control. Pure.
import type { StartFacts, UnitCondition } from '../../core/unit-status.ts'
import type { Properties, PropertyType } from './property-types.ts'

/** The properties that it needs, with their types. */
export const START_TYPES: Readonly<Record<string, PropertyType>> = {
  LoadError: 'loadError',
  Job: 'job',
  Restart: 'text',
  RestartUSec: 'timespan',
  StartLimitBurst: 'number',
  StartLimitIntervalUSec: 'timespan',
  ActiveEnterTimestampMonotonic: 'number',
  InactiveEnterTimestampMonotonic: 'number',
  Conditions: 'conditions',
  ConditionTimestampMonotonic: 'number',
  ConditionResult: 'boolean',
  Asserts: 'conditions',
  AssertTimestampMonotonic: 'number',
  AssertResult: 'boolean',
}

/** `LoadError` as [name, message], `Job` as [id, path], conditions as [setting, trigger, negate, parameter, result]. */
export function startFactsIn(properties: Properties): StartFacts {
  const list = (name: string) => (Array.isArray(properties[name]) ? (properties[name] as unknown[]) : [])
  const above0 = (name: string) => (Number(properties[name]) > 0 ? Number(properties[name]) : null)
  const limitUs = above0('StartLimitIntervalUSec')
  const limitStarts = above0('StartLimitBurst')
  const restart = properties['Restart']
  const delayUs = properties['RestartUSec']
  const checked = (result: string, at: string) => (above0(at) === null ? null : properties[result] === true)
  return {
    wasActive: above0('ActiveEnterTimestampMonotonic') !== null || above0('InactiveEnterTimestampMonotonic') !== null,
    loadError: String(list('LoadError')[1] ?? '') || null,
    hasJob: Number(list('Job')[0] ?? 0) > 0,
    restart: typeof restart === 'string' && restart !== '' ? restart : null,
    restartDelayMs: typeof delayUs === 'number' ? delayUs / 1000 : null,
    limit: limitUs === null || limitStarts === null ? null : { starts: limitStarts, withinMs: limitUs / 1000 },
    conditions: [...list('Conditions'), ...list('Asserts')].map(conditionOf),
    conditionsMet: checked('ConditionResult', 'ConditionTimestampMonotonic'),
    assertsMet: checked('AssertResult', 'AssertTimestampMonotonic'),
  }
}

function conditionOf(row: unknown): UnitCondition {
  const [setting, trigger, negate, parameter, result] = row as [string, boolean, boolean, string, number]
  const prefix = `${trigger ? '|' : ''}${negate ? '!' : ''}`
  return { setting, parameter: `${prefix}${parameter}`, met: result === 0 ? null : result > 0 }
}
