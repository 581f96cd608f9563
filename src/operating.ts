// The commands that list, inspect and operate units: from their words to systemd and an exit code.
import type { Arguments } from './cli/args.ts'
import { clientOf } from './cli/client.ts'
import type { Console, ExitCode } from './cli/console.ts'
import type { Loaded } from './cli/load.ts'
import { codeOf } from './cli/operate.ts'
import { progressOn } from './cli/progress.ts'
import type { Outside } from './control.ts'
import { openControl } from './control.ts'
import { type Action, ControlError } from './core/command.ts'
import { systemClock as clock } from './host/clock.ts'
import type { UnitControl } from './ports.ts'

type Asked = Pick<Arguments, 'operands' | 'json' | 'failed' | 'noBlock'> & {
  readonly command: Action | 'list' | 'show' | 'daemon-reload'
}

export async function operating(
  asked: Asked,
  { config, home }: Loaded,
  out: Console,
  env: Outside['env'],
  uid: number,
): Promise<ExitCode> {
  const log: Outside['log'] = (level, message) => {
    if (level !== 'debug') out.stderr(`gatewatch: ${message}\n`)
  }
  const outside = { clock, log, env, uid, user: home.user }
  // A person waits: no attempts at a bus that is not there.
  const control = await openControl({ ...config, max_retries: 0 }, config.timeout * 1000, outside)
  try {
    return await answer(asked, control, config.socket, out)
  } catch (error) {
    if (!(error instanceof ControlError)) throw error
    out.stderr(`gatewatch: ${error.message}\n`)
    return codeOf(error)
  } finally {
    control.close()
  }
}

async function answer(asked: Asked, control: UnitControl, socket: string, out: Console): Promise<ExitCode> {
  const { command, operands, json, failed, noBlock } = asked
  switch (command) {
    case 'list':
      return (await import('./cli/list.ts')).list({ failed, json }, control, out)
    case 'show': {
      const nowMonoMs = () => clock.now().monoMs
      const shown = { control, client: clientOf(socket), nowMonoMs }
      return (await import('./cli/show.ts')).show(operands[0] ?? '', json, shown, out)
    }
    case 'daemon-reload':
      await control.daemonReload()
      out.stderr('unit files read again\n')
      return 0
    default: {
      const progress = progressOn(process.stderr.isTTY ? out.stderr : null, clock)
      const { operate } = await import('./cli/operate.ts')
      return operate({ action: command, units: operands, noWait: noBlock, json }, control, out, progress)
    }
  }
}
