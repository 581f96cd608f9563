// Finds the record of the OOM kill that ended a run: the kernel's, or that of systemd-oomd. Pure.
import type { OomEvidence } from '../../core/explain/evidence.ts'
import { withoutHomes } from '../../core/explain/private-paths.ts'
import { messageOf } from '../crash-lines-query.ts'
import type { JournalEntry } from '../journal-entry.ts'
import { isOfKernel, isOfOomd } from './genuine.ts'

interface Kill {
  readonly pid: string
  readonly limitOf: string
}

/** `entries`: oldest first, from the time of the run. Null if no process of the unit was killed. */
export function oomIn(entries: readonly JournalEntry[], unit: string): OomEvidence | null {
  let kill: Kill | null = null
  let found: OomEvidence | null = null
  for (const entry of entries) {
    const text = messageOf(entry['MESSAGE'])
    if (isOfKernel(entry)) {
      kill = killIn(text, unit) ?? kill
      const killed = /Killed process (\d+) \((.*?)\)(?:,|$| total-vm)(.*)/.exec(text)
      if (kill === null || killed === null || (kill.pid !== '' && kill.pid !== killed[1])) continue
      found = { by: 'kernel', limitOf: kill.limitOf, process: withoutHomes(killed[2] ?? ''), ...residentIn(text) }
      kill = null
    } else if (isOfOomd(entry)) found = killByOomd(text, unit) ?? found
  }
  return found
}

/** The line before the one that names the process: since Linux 5.0 `oom-kill:...`, before that `Task in A killed ...`. */
function killIn(text: string, unit: string): Kill | null {
  const now = /oom-kill:constraint=(\w+),.*?task_memcg=([^,]*),task=.*,pid=(\d+),/.exec(text)
  if (now !== null) {
    if (!isOf(unit, now[2] ?? '')) return null
    const limited = now[1] === 'CONSTRAINT_MEMCG' ? /oom_memcg=([^,]*)/.exec(text)?.[1] : undefined
    return { pid: now[3] ?? '', limitOf: limited === undefined ? 'system' : nameOf(limited) }
  }
  const before = /Task in (\S+) killed as a result of limit of (\S+)/.exec(text)
  if (before === null || !isOf(unit, before[1] ?? '')) return null
  return { pid: '', limitOf: nameOf(before[2] ?? '') }
}

/** Resident memory: what the kernel lists in kB. */
function residentIn(text: string): { readonly bytes?: number } {
  const parts = [...text.matchAll(/\b(?:anon|file|shmem)-rss:(\d+)kB/g)].map(([, kB]) => Number(kB))
  return parts.length === 0 ? {} : { bytes: 1024 * parts.reduce((sum, kB) => sum + kB, 0) }
}

function killByOomd(text: string, unit: string): OomEvidence | null {
  const match = /^Killed (\/\S+) due to memory (?:pressure for (\/\S*)|used)/.exec(text)
  if (match === null || !isOf(unit, match[1] ?? '')) return null
  return { by: 'systemd-oomd', limitOf: match[2] === undefined ? 'system' : nameOf(match[2]) }
}

/**
 * Whether this is the control group of the unit, or one below it. Only slices are above: a user's own systemd can have a unit of
 * the same name. systemd puts `_` in front of a name that the kernel reserves (cg_escape()).
 */
function isOf(unit: string, cgroup: string): boolean {
  const [name] = cgroup.replace(/^(?:\/[^/]+\.slice)*\//, '').split('/')
  return name === unit || name === `_${unit}`
}

/** `/system.slice/app.service` -> `app.service`. */
function nameOf(cgroup: string): string {
  return cgroup.slice(cgroup.lastIndexOf('/') + 1) || 'system'
}
