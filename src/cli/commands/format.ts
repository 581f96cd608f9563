// gatewatch format: prepares a partition as a state file.
import { plural } from '../../core/views/format.ts'
import type { Console, ExitCode } from '../console.ts'

/** A partition that may be formatted, and that nothing else can use until it is closed. */
interface PreparedPartition {
  readonly path: string
  readonly bytes: number
  readonly former: { readonly units: number } | null
  format(): Promise<void>
  close(): Promise<void>
}

interface FormatRequest {
  readonly device: string
  /** Do not ask. */
  readonly yes: boolean
}

interface FormatContext {
  /** Rejects if the device must not be formatted, whatever the answer would be. */
  readonly prepare: (device: string) => Promise<PreparedPartition>
  /** Asks the person at the terminal; null if stdin is not a terminal. */
  readonly confirm: ((question: string) => Promise<boolean>) | null
}

export async function format({ device, yes }: FormatRequest, context: FormatContext, out: Console): Promise<ExitCode> {
  const partition = await context.prepare(device)
  try {
    if (!yes && !(await isConfirmed(device, partition, context.confirm))) {
      out.stderr('gatewatch: nothing was changed\n')
      return 1
    }
    await partition.format()
  } finally {
    await partition.close()
  }
  out.stderr(`gatewatch: formatted ${device}; set persistence_file to "${device}" and restart gatewatch\n`)
  return 0
}

async function isConfirmed(
  device: string,
  { path, bytes, former }: PreparedPartition,
  confirm: FormatContext['confirm'],
): Promise<boolean> {
  if (confirm === null)
    throw new Error(
      `${device}: stdin is not a terminal, so the question cannot be answered; nothing was changed (--yes answers it)`,
    )
  const named = path === device ? device : `${device} (${path})`
  const holds = former === null ? 'blank' : `the counters of ${plural(former.units, 'unit')}, which will be erased`
  return confirm(`Format ${named}, ${Math.floor(bytes / 1024).toLocaleString('en')} KiB, ${holds}? [y/N] `)
}
