// The views behind the HTTP routes: what they show of the agent, and the changes that they make to it.
import { resolve } from 'node:path'
import type { Config } from '../config/keys.ts'
import { fileReason } from '../core/error-text.ts'
import type { Event } from '../core/event.ts'
import { plural } from '../core/views/format.ts'
import { NotOnFlash, type Views } from '../http/route.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Log } from '../ports.ts'
import { createExplaining } from './explain/explaining.ts'
import { healthChecks, type StatusInputs, statusJson, systemStatus } from './status.ts'
import type { AgentControl } from './unit-control.ts'

export interface HttpViewsOptions {
  readonly inputs: StatusInputs
  readonly metrics: Metrics
  readonly control: AgentControl
  /** Recent events, oldest first. */
  readonly history: () => readonly Event[]
  readonly log: Log
}

export function createHttpViews({ inputs, metrics, control, history, log }: HttpViewsOptions): Views {
  const { agent, store, clock, identity, configuration } = inputs
  const rules = (): Config['control'] => configuration.now().control

  /** Rejects if the change is not on flash, so that the client does not believe that it is durable. */
  const flush = async () => {
    if (!(await store.flush()))
      throw new NotOnFlash(
        `the change is in effect, but could not be written to flash: ${store.health().problem ?? 'write failed'}`,
      )
  }

  return {
    live() {
      agent.lookAtClock()
      return agent.state()
    },
    identity: () => identity,
    history,
    checks: () => healthChecks(inputs),
    status: () => statusJson(inputs),
    system: () => systemStatus(inputs),
    details: control.details.read,
    list: control.details.list,
    wallMsOf: clock.wallMsOf,
    now: clock.now,
    explaining: createExplaining(configuration.now, clock, log),
    metrics: metrics.scrape,
    federate: metrics.federate,
    control: { ...control, rules },
    async clear({ keepEvents, logFile }) {
      const file = logFile === null ? null : inputs.logFiles.find(({ path }) => resolve(path) === logFile)
      if (file === undefined)
        return `${logFile} is neither the log_file nor the events_file of the running agent; nothing was cleared`
      try {
        await file?.clear()
      } catch (error) {
        return `cannot empty ${logFile}: ${fileReason(error)}; nothing was cleared`
      }
      if (!keepEvents) await inputs.mqtt.clear()
      agent.observe({ kind: 'clear', at: clock.now(), via: 'socket', keepEvents })
      await flush()
      return null
    },
    async import(baselines) {
      const { index } = agent.state()
      const imported = [...baselines.keys()].filter((unit) => index.has(unit))
      agent.observe({ kind: 'import', at: clock.now(), baselines })
      log('info', `imported baselines of ${plural(imported.length, 'unit')}`)
      await flush()
    },
  }
}
