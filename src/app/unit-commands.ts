// Commands to the running agent over HTTP or MQTT: checked against the configuration, run by systemd, recorded as events.
import {
  CONTROL_DISABLED,
  type CommandResult,
  ControlError,
  type ControlRules,
  controlRefusal,
  type UnitCommand,
} from '../core/command.ts'
import type { Observation } from '../core/observation.ts'
import type { Clock, Log, UnitCommands, UnitControl } from '../ports.ts'

export interface UnitCommandsOptions {
  /** `control` of the configuration in effect. */
  readonly rules: () => ControlRules
  readonly isWatched: (unit: string) => boolean
  /** Creates the back end; called for the first command. */
  readonly control: () => Promise<UnitControl>
  readonly observe: (observation: Observation) => void
  readonly clock: Clock
  readonly log: Log
}

export interface AgentCommands extends UnitCommands {
  /** Makes systemd read all unit files again, or rejects with a `ControlError`. Logged, because it concerns no unit. */
  daemonReload(): Promise<void>
  close(): void
}

export function createUnitCommands(options: UnitCommandsOptions): AgentCommands {
  const { rules, isWatched, observe, clock, log } = options
  let opened: Promise<UnitControl> | null = null
  const refusal = (unit: string) => controlRefusal(unit, rules(), isWatched)

  const control = () => {
    opened ??= options.control()
    return opened
  }

  const record = (command: UnitCommand, outcome: (Observation & { kind: 'command' })['outcome']) =>
    observe({ ...command, kind: 'command', at: clock.now(), outcome })

  const run = async (command: UnitCommand): Promise<CommandResult> => {
    const why = refusal(command.unit)
    if (why !== null) throw new ControlError('denied', why)
    try {
      const result = await (await control()).run(command.action, command.unit, command.noWait)
      record(command, result.outcome)
      return result
    } catch (error) {
      if (error instanceof ControlError) {
        log('warning', `${command.action} ${command.unit} via ${command.via}: ${error.message}`)
        record(command, error.code)
      }
      throw error
    }
  }
  return {
    run,
    refusal,
    async daemonReload() {
      if (!rules().enabled) throw new ControlError('denied', CONTROL_DISABLED)
      await (await control()).daemonReload()
      log('info', 'systemd has reloaded its unit files, as requested over the local socket')
    },
    close: () => void opened?.then((one) => one.close()),
  }
}
