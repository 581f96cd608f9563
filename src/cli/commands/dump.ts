// gatewatch dump: the content of a state file as JSON.
import { eventJson, rfc3339, unitJson } from '../../core/views/api-json.ts'
import { historyJson } from '../../core/views/history-json.ts'
import type { Console, ExitCode, StateFile } from '../console.ts'

export async function dump(path: string, stateFile: Pick<StateFile, 'read'>, out: Console): Promise<ExitCode> {
  const stored = await stateFile.read(path)
  if (stored === null) throw new Error(`${path}: no such file; use 'gatewatch dump FILE' to show another state file`)
  const { state, events, identity, writtenAtMs } = stored
  const whole = {
    file: path,
    written_at: writtenAtMs === null ? null : rfc3339(writtenAtMs),
    stream: state.stream,
    gateway_id: state.gatewayId,
    boot_id: state.bootId,
    former_imported: state.formerImported,
    seq: state.seq,
    units: state.units.map((unit) => ({ ...unitJson(unit), history: historyJson(unit) })),
    events: events.map((event) => eventJson(event, identity, true)),
  }
  out.stdout(`${JSON.stringify(whole, null, 2)}\n`)
  return 0
}
