// Runs the commands that list, inspect and operate units, and returns their exit code.
import { clientOf } from '../cli/agent-client.ts'
import type { Arguments } from '../cli/args.ts'
import { codeOf } from '../cli/commands/operate.ts'
import { type Console, commandLog, type ExitCode } from '../cli/console.ts'
import { progressOn } from '../cli/progress.ts'
import type { LoadedConfig } from '../config/load.ts'
import { unitDirectory } from '../config/paths.ts'
import { type Action, ControlError } from '../core/command.ts'
import { systemClock as clock } from '../host/clock.ts'
import type { Env, UnitControl } from '../ports.ts'
import { openControl } from './unit-control.ts'

type UnitArguments = Pick<Arguments, 'operands' | 'json' | 'failed' | 'noBlock' | 'unitSettings'> & {
  readonly command: Action | 'list' | 'show' | 'daemon-reload' | 'create-unit' | 'remove-unit'
}

interface UnitCli {
  readonly args: UnitArguments
  readonly loaded: LoadedConfig
  readonly out: Console
  readonly env: Env
}

export async function runUnitCommand(cli: UnitCli, uid: number): Promise<ExitCode> {
  const { loaded, out, env } = cli
  const { config, paths } = loaded
  const noRetries = () => 0 // a person is waiting
  const options = { clock, log: commandLog(out), env, uid, user: paths.user }
  const control = await openControl(config, noRetries, config.timeout * 1000, options)
  try {
    return await runWith(control, cli)
  } catch (error) {
    if (!(error instanceof ControlError)) throw error
    out.error(error.message)
    return codeOf(error)
  } finally {
    control.close()
  }
}

async function runWith(control: UnitControl, { args, loaded, out, env }: UnitCli): Promise<ExitCode> {
  const { command, operands, json, failed, noBlock } = args
  const [first = '', ...rest] = operands
  switch (command) {
    case 'list':
      return (await import('../cli/commands/list.ts')).list({ failed, json }, control, out)
    case 'show': {
      const sources = { control, client: clientOf(loaded.config.socket), wallMsOf: clock.wallMsOf }
      return (await import('../cli/commands/show.ts')).show(first, json, sources, out)
    }
    case 'create-unit': {
      const { createUnit } = await import('../cli/commands/create-unit.ts')
      const unit = { name: first, command: rest, settings: args.unitSettings }
      return createUnit(unit, unitFilePlace(loaded, env), control, out)
    }
    case 'remove-unit': {
      const { removeUnit } = await import('../cli/commands/remove-unit.ts')
      return removeUnit(first, unitDirectory(loaded.paths), control, out)
    }
    case 'daemon-reload':
      await control.daemonReload()
      out.stderr('systemd has reloaded its unit files\n')
      return 0
    default: {
      const progress = progressOn(process.stderr.isTTY ? out.rawStderr : null, clock)
      const { operate } = await import('../cli/commands/operate.ts')
      return operate({ action: command, units: operands, noWait: noBlock, json }, control, out, progress)
    }
  }
}

function unitFilePlace({ config, paths, path, problems }: LoadedConfig, env: Env) {
  return {
    directory: unitDirectory(paths),
    userScope: paths.user,
    path: `${env['PATH'] ?? ''}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin`,
    cwd: process.cwd(),
    configFile: path,
    configProblem: problems.find(({ fatal }) => fatal)?.text ?? null,
    watched: config.monitored_services,
  }
}
