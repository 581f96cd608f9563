// Recordings of the signals of a real systemd, as the observations that the agent makes of them.
import { join } from 'node:path'
import type { Observation } from '../../src/core/observation.ts'
import type { UnitSnapshot } from '../../src/core/unit.ts'
import { at, IDLE, read } from './step-driver.ts'

export const TRACES = join(import.meta.dirname, 'traces')

interface Trace {
  readonly unit: string
  readonly observations: readonly Observation[]
}

/**
 * The unit is read first, as at the start of the agent. Then each Unit signal becomes a snapshot, merged with the last
 * signal of the type's interface; with the signals of the unit's jobs and with ticks in between.
 */
export function traceOf(text: string): Trace {
  const unit = /JobNew id=\d+ unit=(\S+)/.exec(text)?.[1] ?? ''
  const known: Record<string, string> = {}
  const list: Observation[] = []
  for (const [, ms = '', type = '', values = ''] of text.matchAll(/^ *([\d.]+) ms {2}(\S+ ?\w*) (.*)$/gm)) {
    const when = at(Number(ms))
    const [, job, jobUnit, result = ''] = /id=(\d+) unit=(\S+)(?:\s+result=(\S+))?/.exec(`${type} ${values}`) ?? []
    if (job !== undefined && jobUnit === unit) {
      const kind = type.startsWith('JobNew') ? 'job-new' : 'job-removed'
      list.push({ kind, unit, at: when, job: Number(job), result })
    } else if (type.startsWith('PropertiesChanged')) {
      for (const [, name = '', value = ''] of values.matchAll(/\*?(\w+)=(\S*)/g)) known[name] = value
      if (type.endsWith('Unit'))
        list.push({ kind: 'tick', at: when }, { kind: 'signal', unit, at: when, snapshot: snapshotOf(known) })
    }
  }
  const first = list.find((o) => o.kind === 'signal')?.snapshot
  const restart = unit.endsWith('.service') ? (/Restart=(\S+)/.exec(text)?.[1] ?? 'no') : null
  const begin = read(unit, 0, first?.activeState === 'active' ? { ...first, job: 0 } : {}, { restart })
  return { unit, observations: [begin, ...list, { kind: 'tick', at: at(1e7) }] }
}

function snapshotOf(known: Readonly<Record<string, string>>): UnitSnapshot {
  return {
    ...IDLE,
    activeState: known.ActiveState ?? '',
    subState: known.SubState ?? '',
    invocationId: known.InvocationID === '-' ? null : (known.InvocationID ?? null),
    job: Number(known.Job),
    result: known.Result ?? null,
    mainCode: Number(known.ExecMainCode ?? 0),
    mainStatus: Number(known.ExecMainStatus ?? 0),
    nRestarts: Number(known.NRestarts ?? 0),
  }
}
