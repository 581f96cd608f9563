// When files last changed, by their inode: for a crash that follows an update.
import { promises as fs } from 'node:fs'

/** A change longer ago explains nothing by itself. */
const EXPLAINS_FOR_MS = 24 * 3600 * 1000
/** In a crash loop, the files are looked at once in this time. */
const LOOK_AGAIN_AFTER_MS = 10_000
/** Units whose files have been looked at. */
const UNITS_AT_MOST = 1024

interface FileChanges {
  /** How long before `atMs` a file changed, as far as it is known without looking. */
  known(unit: string, atMs: number): number | undefined
  /** Looks at the files, unless that was done a moment ago; then the same. */
  look(unit: string, files: readonly string[], atMs: number, nowMonoMs: number): Promise<number | undefined>
}

export function createFileChanges(): FileChanges {
  const looks = new Map<string, { readonly atMonoMs: number; readonly changedAtMs: number }>()

  const known = (unit: string, atMs: number) => {
    const ago = atMs - (looks.get(unit)?.changedAtMs ?? Number.NEGATIVE_INFINITY)
    return ago >= 0 && ago <= EXPLAINS_FOR_MS ? Math.round(ago) : undefined
  }

  return {
    known,
    async look(unit, files, atMs, nowMonoMs) {
      const last = looks.get(unit)
      if (last === undefined || nowMonoMs - last.atMonoMs >= LOOK_AGAIN_AFTER_MS) {
        looks.delete(unit)
        const changedAtMs = last?.changedAtMs ?? Number.NEGATIVE_INFINITY
        looks.set(unit, { atMonoMs: nowMonoMs, changedAtMs }) // for crashes in the meantime
        looks.set(unit, { atMonoMs: nowMonoMs, changedAtMs: await lastChangeMs(files, atMs) })
        const [oldest] = looks.keys()
        if (looks.size > UNITS_AT_MOST && oldest !== undefined) looks.delete(oldest)
      }
      return known(unit, atMs)
    },
  }
}

/**
 * The last change of any of the files up to `untilMs`, or -Infinity. The time of the inode (ctime), not of the content: a
 * package or `cp -p` sets the latter to any time. Of a symbolic link, both the link and its target count.
 */
async function lastChangeMs(files: readonly string[], untilMs: number): Promise<number> {
  const changes = files.flatMap((file) => [fs.lstat(file), fs.stat(file)])
  const times = (await Promise.allSettled(changes)).flatMap((result) =>
    result.status === 'fulfilled' && result.value.ctimeMs <= untilMs ? [result.value.ctimeMs] : [],
  )
  return Math.max(Number.NEGATIVE_INFINITY, ...times)
}
