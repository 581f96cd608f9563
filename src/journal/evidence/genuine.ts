// Which journal records prove something. Any local user can write records with any message id and any fields; only fields
// with a leading underscore are added by journald itself (systemd.journal-fields(7)). Pure.
import type { JournalEntry } from '../journal-entry.ts'

/** systemd itself wrote it. */
export function isOfSystemd(entry: JournalEntry): boolean {
  return entry['_PID'] === '1' && entry['_UID'] === '0'
}

/** The kernel itself wrote it: what a program writes to /dev/kmsg has another facility. */
export function isOfKernel(entry: JournalEntry): boolean {
  return entry['_TRANSPORT'] === 'kernel' && entry['SYSLOG_FACILITY'] === '0'
}

/** systemd-coredump runs in a service of its own, one for each core dump; it drops to the user of the crashed process. */
export function isOfCoredump(entry: JournalEntry): boolean {
  return /^systemd-coredump@[^@]*\.service$/.test(textOf(entry, '_SYSTEMD_UNIT'))
}

export function isOfOomd(entry: JournalEntry): boolean {
  return entry['_SYSTEMD_UNIT'] === 'systemd-oomd.service'
}

/** Empty if the field is missing, or occurs more than once: journald adds each of its own fields once. */
export function textOf(entry: JournalEntry, field: string): string {
  const value = entry[field]
  return typeof value === 'string' ? value : ''
}
