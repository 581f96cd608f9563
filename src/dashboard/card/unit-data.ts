// Reads what the card shows of a unit beyond its state: the explanation, what systemd shows, and the history.
import { ApiError } from '../api-client.ts'
import { fetchBestOf, fetchProtected, WrongToken } from '../token.ts'
import type { Explanation, UnitDetails } from './unit-views.ts'

/** The explanation, or why there is none. */
export type ExplanationState =
  | { readonly kind: 'reading' }
  | { readonly kind: 'known'; readonly explanation: Explanation }
  /** `by`: what is needed to see it; null: the gateway does not have any way to sign in over this connection. */
  | { readonly kind: 'refused'; readonly by: 'token' | 'certificate' | null }
  | { readonly kind: 'failed'; readonly message: string }

/** A reading of the CPU time, to know the share of it that is used now. */
interface CpuReading {
  readonly seconds: number
  readonly atMs: number
}

export interface UnitData {
  /** Reads another unit. */
  open(unit: string): void
  /** Reads again: the details, and the explanation if `explanation` is true. Rejects if the token is wrong. */
  read(explanation: boolean): Promise<void>
  details(): UnitDetails
  explanation(): ExplanationState
  /** Seconds of CPU time per second, since the last reading; null while it is not known. */
  cpuUsed(): number | null
}

const READING = { kind: 'reading' } as const

/** `changed` is called after each reading. */
export function createUnitData(changed: () => void): UnitData {
  let unit = ''
  let details: UnitDetails = {}
  let explanation: ExplanationState = READING
  let cpu: CpuReading | null = null
  let used: number | null = null

  const noteCpu = ({ cpu_seconds: seconds }: UnitDetails) => {
    const now: CpuReading | null = typeof seconds === 'number' ? { seconds, atMs: performance.now() } : null
    // It begins again with each run.
    used = cpu === null || now === null || now.seconds < cpu.seconds ? null : shareOf(cpu, now)
    cpu = now
  }
  const readExplanation = async (of: string) => {
    try {
      const read = (await fetchProtected(`${pathOf(of)}/explain`)) as Explanation
      if (of === unit) explanation = { kind: 'known', explanation: read }
    } catch (error) {
      if (of === unit) explanation = failureOf(error as Error)
      if (error instanceof WrongToken) throw error
    }
  }
  const readDetails = async (of: string) => {
    const read = (await fetchBestOf(pathOf(of)).catch(() => null)) as UnitDetails | null
    if (of !== unit || read === null) return
    details = read
    noteCpu(read)
  }

  return {
    open(name) {
      unit = name
      details = {}
      explanation = READING
      cpu = null
      used = null
    },
    async read(withExplanation) {
      const of = unit
      try {
        if (withExplanation) await readExplanation(of)
        await readDetails(of)
      } finally {
        if (of === unit) changed()
      }
    },
    details: () => details,
    explanation: () => explanation,
    cpuUsed: () => used,
  }
}

function pathOf(unit: string): string {
  return `/api/v1/units/${encodeURIComponent(unit)}`
}

function shareOf(before: CpuReading, now: CpuReading): number {
  return (now.seconds - before.seconds) / ((now.atMs - before.atMs) / 1000)
}

function failureOf(error: Error): ExplanationState {
  if (error instanceof WrongToken) return { kind: 'refused', by: 'token' }
  const status = error instanceof ApiError ? error.status : 0
  if (status === 403) return { kind: 'refused', by: null }
  if (status === 401) return { kind: 'refused', by: error.message.includes('certificate') ? 'certificate' : 'token' }
  return { kind: 'failed', message: error.message }
}
