// The commands that list, inspect and operate units: from their words to systemd and an exit code.
import { clientOf } from '../cli/agent-client.ts'
import type { Arguments } from '../cli/args.ts'
import { codeOf } from '../cli/commands/operate.ts'
import type { Console, ExitCode } from '../cli/console.ts'
import { progressOn } from '../cli/progress.ts'
import type { LoadedConfig } from '../config/load.ts'
import { unitDirectory } from '../config/paths.ts'
import { type Action, ControlError } from '../core/command.ts'
import { systemClock as clock } from '../host/clock.ts'
import type { UnitControl } from '../ports.ts'
import type { Outside } from './unit-control.ts'
import { openControl } from './unit-control.ts'

type Asked = Pick<Arguments, 'operands' | 'json' | 'failed' | 'noBlock' | 'unitSettings'> & {
  readonly command: Action | 'list' | 'show' | 'daemon-reload' | 'create-unit' | 'remove-unit'
}

export async function operating(
  asked: Asked,
  loaded: LoadedConfig,
  out: Console,
  env: Outside['env'],
  uid: number,
): Promise<ExitCode> {
  const { config, paths, problems } = loaded
  const fatal = problems.filter((problem) => problem.fatal)
  for (const { text } of fatal) out.stderr(`gatewatch: ${text}\n`)
  if (fatal.length > 0) return 2
  const log: Outside['log'] = (level, message) => {
    if (level !== 'debug') out.stderr(`gatewatch: ${message}\n`)
  }
  const outside = { clock, log, env, uid, user: paths.user }
  // A person waits: no attempts at a bus that is not there.
  const control = await openControl({ ...config, max_retries: 0 }, config.timeout * 1000, outside)
  try {
    return await answer(asked, control, loaded, out, env)
  } catch (error) {
    if (!(error instanceof ControlError)) throw error
    out.stderr(`gatewatch: ${error.message}\n`)
    return codeOf(error)
  } finally {
    control.close()
  }
}

async function answer(
  asked: Asked,
  control: UnitControl,
  loaded: LoadedConfig,
  out: Console,
  env: Outside['env'],
): Promise<ExitCode> {
  const { command, operands, json, failed, noBlock } = asked
  switch (command) {
    case 'list':
      return (await import('../cli/commands/list.ts')).list({ failed, json }, control, out)
    case 'show': {
      const nowMonoMs = () => clock.now().monoMs
      const shown = { control, client: clientOf(loaded.config.socket), nowMonoMs }
      return (await import('../cli/commands/show.ts')).show(operands[0] ?? '', json, shown, out)
    }
    case 'create-unit': {
      const [name = '', ...words] = operands
      const { createUnit } = await import('../cli/commands/create-unit.ts')
      return createUnit({ name, command: words, settings: asked.unitSettings }, placeOf(loaded, env), control, out)
    }
    case 'remove-unit':
      return (await import('../cli/commands/remove-unit.ts')).removeUnit(
        operands[0] ?? '',
        unitDirectory(loaded.paths),
        control,
        out,
      )
    case 'daemon-reload':
      await control.daemonReload()
      out.stderr('unit files read again\n')
      return 0
    default: {
      const progress = progressOn(process.stderr.isTTY ? out.stderr : null, clock)
      const { operate } = await import('../cli/commands/operate.ts')
      return operate({ action: command, units: operands, noWait: noBlock, json }, control, out, progress)
    }
  }
}

function placeOf({ config, paths, file }: LoadedConfig, env: Outside['env']) {
  return {
    directory: unitDirectory(paths),
    userScope: paths.user,
    path: `${env['PATH'] ?? ''}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin`,
    cwd: process.cwd(),
    configFile: file ?? paths.configFile,
    watched: config.monitored_services,
  }
}
