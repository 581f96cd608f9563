// Runs `gatewatch explain`: queries the agent or, if none is running, the state file, systemd and the journal.
import { explain } from '../../cli/commands/explain.ts'
import { type Console, commandLog, type ExitCode, type Sources } from '../../cli/console.ts'
import type { LoadedConfig } from '../../config/load.ts'
import { ControlError } from '../../core/command.ts'
import { systemClock as clock } from '../../host/clock.ts'
import type { Env, UnitControl } from '../../ports.ts'
import { openControl } from '../unit-control.ts'
import { createExplaining } from './explaining.ts'

interface ExplainRequest {
  /** A unit name or the id of an event. */
  readonly subject: string
  readonly json: boolean
}

export async function runExplain(
  { subject, json }: ExplainRequest,
  { config, paths }: LoadedConfig,
  sources: Sources,
  out: Console,
  { env, uid }: { readonly env: Env; readonly uid: number },
): Promise<ExitCode> {
  const log = commandLog(out)
  let control: UnitControl | null = null
  const status = async (unit: string) => {
    try {
      control ??= await openControl(config, () => 0, config.timeout * 1000, { clock, log, env, uid, user: paths.user })
      return await control.status(unit)
    } catch (error) {
      if (!(error instanceof ControlError)) throw error
      return null
    }
  }
  // The journal is read with the rights of the user, so the configuration of the agent does not limit it.
  const journal = createExplaining(() => ({ ...config, explain: true }), clock, log)
  const evidence = () => ({ ...journal.sources(), explain: config.explain })
  try {
    const direct = { status, fromJournal: journal.fromJournal, evidence, now: clock.now }
    return await explain(subject, json, { ...sources, direct }, out)
  } finally {
    ;(control as UnitControl | null)?.close()
  }
}
