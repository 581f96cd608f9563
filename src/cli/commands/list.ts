// gatewatch list: the units that systemd has loaded.
import pc from 'picocolors'
import type { ListedUnit } from '../../core/unit-status.ts'
import type { UnitControl } from '../../ports.ts'
import type { Console, ExitCode } from '../console.ts'
import { type Column, stateColor, table } from '../table.ts'

const COLUMNS: readonly Column[] = [
  { title: 'UNIT', minWidth: 20 },
  { title: 'LOAD' },
  { title: 'STATE' },
  { title: 'SUB' },
  { title: 'DESCRIPTION', minWidth: 11 },
]

export async function list(
  filter: { failed: boolean; json: boolean },
  control: UnitControl,
  out: Console,
): Promise<ExitCode> {
  const all = await control.list()
  const units = filter.failed ? all.filter((unit) => unit.activeState === 'failed') : all
  if (filter.json) out.stdout(`${JSON.stringify(units.map(listedJson))}\n`)
  else if (units.length === 0) out.stderr(filter.failed ? 'no failed units\n' : 'systemd has loaded no units\n')
  else out.stdout(`${listText(units, out).join('\n')}\n`)
  return 0
}

function listedJson({ unit, description, loadState, activeState, subState }: ListedUnit) {
  return { unit, load_state: loadState, active_state: activeState, sub_state: subState, description }
}

function listText(units: readonly ListedUnit[], { columns, color }: Console): string[] {
  const paint = pc.createColors(color)
  const rows = units.map(({ unit, loadState, activeState, subState, description }) => [
    { text: unit },
    { text: loadState },
    { text: activeState, paint: stateColor(activeState, paint) },
    { text: subState },
    { text: description },
  ])
  return table(COLUMNS, rows, columns || null)
}
