// Whether the agent may read the system journal: root and the group systemd-journal may (systemd-journald(8)).
import { accessSync, constants, readdirSync } from 'node:fs'

const JOURNALS = ['/run/log/journal', '/var/log/journal']

/** `absent`: this machine stores no journal. */
export type JournalAccess = 'readable' | 'denied' | 'absent'

export function journalAccess(journals: readonly string[] = JOURNALS): JournalAccess {
  const files = journals.flatMap((journal) => namesIn(journal).map((machine) => `${journal}/${machine}/system.journal`))
  if (files.some((file) => errorOf(file) === null)) return 'readable'
  return files.some((file) => errorOf(file) === 'EACCES') ? 'denied' : 'absent'
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

function errorOf(file: string): string | null {
  try {
    accessSync(file, constants.R_OK)
    return null
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? ''
  }
}
