// systemd's mark that the clock was synchronised in this boot, and a watch for it.
import { existsSync, type FSWatcher, statSync, watch } from 'node:fs'
import { dirname } from 'node:path'
import { isClockUnset } from '../core/views/format.ts'

/** systemd-timesyncd.service(8). Its directory exists only while systemd-timesyncd runs. */
const CLOCK_MARK = '/run/systemd/timesync/synchronized'

/** Whether the clock is synchronised, as far as that is known without querying any program. */
export function clockSyncedAtStart(wallMs: number, mark = CLOCK_MARK): boolean | null {
  if (existsSync(mark)) return true
  return isClockUnset(wallMs) ? false : null
}

/**
 * Calls `found` once, as soon as the mark exists. Watches the nearest directory above it that exists. If that is not
 * possible (the limit of inotify is reached), `found` is not called. Returns the function that ends the watch.
 */
export function watchClockMark(found: () => void, mark = CLOCK_MARK): () => void {
  let watcher: FSWatcher | null = null
  let watched = ''
  let ended = false

  const end = () => {
    ended = true
    watcher?.close()
  }
  const look = () => {
    if (ended) return
    if (existsSync(mark)) {
      end()
      return found()
    }
    const directory = nearestDirectory(mark)
    if (directory === null || directory.id === watched) return
    watched = directory.id
    watcher?.close()
    try {
      watcher = watch(directory.path, { persistent: false }, look).on('error', () => {})
    } catch {
      return
    }
    look() // what appeared before the watch began is not reported
  }
  look()
  return end
}

/** The nearest directory above `path` that exists; `id` differs if it was removed and created again. */
function nearestDirectory(path: string): { readonly path: string; readonly id: string } | null {
  for (let directory = dirname(path); ; directory = dirname(directory)) {
    const stat = statSync(directory, { throwIfNoEntry: false })
    if (stat !== undefined) return { path: directory, id: `${directory} ${stat.dev} ${stat.ino}` }
    if (directory === dirname(directory)) return null
  }
}
