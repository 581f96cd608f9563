// Orders to the running agent: allowed by the configuration, carried out by systemd, told as events.
import {
  type CommandResult,
  ControlError,
  type ControlRules,
  controlRefusal,
  type UnitCommand,
} from '../core/command.ts'
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

  const record = (command: UnitCommand, outcome: (Observation & { kind: 'command' })['outcome']) =>
    observe({ ...command, kind: 'command', at: clock.now(), outcome })

  const run = async (command: UnitCommand): Promise<CommandResult> => {
    const why = refusal(command.unit)
    if (why !== null) throw new ControlError('denied', why)
    try {
      control ??= options.control()
      const done = await (await control).run(command.action, command.unit, command.noWait)
      record(command, done.outcome)
      return done
    } catch (error) {
      if (error instanceof ControlError) {
        log('warning', `${command.action} ${command.unit} via ${command.via}: ${error.message}`)
        record(command, error.code)
      }
      throw error
    }
  }
  return { run, refusal, close: () => void control?.then((one) => one.close()) }
}
