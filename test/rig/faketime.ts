// A wall clock for a service of the rig that the test sets, with libfaketime: only CLOCK_REALTIME differs.
import { existsSync, renameSync, writeFileSync } from 'node:fs'

const LIBRARY = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1',
].find((path) => existsSync(path))

/** Why there is no such clock on this machine, or null. */
export function noFaketime(): string | null {
  return LIBRARY === undefined ? 'not installed: libfaketime' : null
}

export interface WallClock {
  /** Variables for a process that shows this time. */
  readonly environment: readonly string[]
  /** Lines for a drop-in of the unit. */
  readonly service: string
  /** Sets the clock of the running service: seconds ahead of the clock of this machine. */
  set(aheadSeconds: number): void
}

/** `file`: the path here and inside the rig of a file that the service may read. */
export function fakeWallClock(file: { readonly here: string; readonly inside: string }): WallClock {
  const environment = [
    `LD_PRELOAD=${LIBRARY}`,
    `FAKETIME_TIMESTAMP_FILE=${file.inside}`,
    'FAKETIME_NO_CACHE=1',
    'FAKETIME_DONT_FAKE_MONOTONIC=1',
    'NO_FAKE_STAT=1',
  ]
  return {
    environment,
    service: `UnsetEnvironment=\nEnvironment=${environment.join(' ')}`,
    set(aheadSeconds) {
      writeFileSync(`${file.here}.new`, `${aheadSeconds < 0 ? '' : '+'}${aheadSeconds}\n`)
      renameSync(`${file.here}.new`, file.here)
    },
  }
}
