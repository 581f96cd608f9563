// Orders to the running agent: allowed by the configuration, carried out by systemd, told as events.
import { ControlError, type ControlRules, controlRefusal, type Done, type Order } from '../core/command.ts'
import type { Observation } from '../core/observation.ts'
import type { Clock, Log, UnitCommands, UnitControl } from '../ports.ts'

export interface ObeyOptions {
  readonly rules: () => ControlRules
  readonly isWatched: (unit: string) => boolean
  /** Made when the first order comes. */
  readonly control: () => Promise<UnitControl>
  readonly observe: (observation: Observation) => void
  readonly clock: Clock
  readonly log: Log
}

export interface Commands extends UnitCommands {
  close(): void
}

export function unitCommands(options: ObeyOptions): Commands {
  const { rules, isWatched, observe, clock, log } = options
  let control: Promise<UnitControl> | null = null
  const refusal = (unit: string) => controlRefusal(unit, rules(), isWatched)

  const tell = (order: Order, outcome: (Observation & { kind: 'command' })['outcome']) =>
    observe({ ...order, kind: 'command', at: clock.now(), outcome })

  const obey = async (order: Order): Promise<Done> => {
    const why = refusal(order.unit)
    if (why !== null) throw new ControlError('denied', why)
    try {
      control ??= options.control()
      const done = await (await control).act(order.action, order.unit, order.noWait)
      tell(order, done.outcome)
      return done
    } catch (error) {
      if (error instanceof ControlError) {
        log('warning', `${order.action} ${order.unit} via ${order.via}: ${error.message}`)
        tell(order, error.code)
      }
      throw error
    }
  }
  return { obey, refusal, close: () => void control?.then((one) => one.close()) }
}
