// The options and the interface of the push over Prometheus remote write.
import type { CredentialFiles } from '../credentials/files.ts'
import type { Clock, Log, RemoteWriteHealth } from '../ports.ts'
import type { Reading } from './series.ts'

/** The keys `remote_write.*` of the configuration. */
export interface RemoteWriteConfig extends CredentialFiles {
  /** Null: off. */
  readonly url: string | null
  /** Seconds. */
  readonly interval: number
  readonly username: string | null
  /** File with a bearer token. */
  readonly token_file: string | null
  readonly labels: Readonly<Record<string, string>>
  /** Selectors, of which a series must match one. */
  readonly match: readonly string[]
  /** Seconds. */
  readonly backlog: number
}

export interface WriteResponse {
  readonly status: number
  /** The header Retry-After; null if there is none. */
  readonly retryAfter: string | null
  /** The beginning of the body. */
  readonly body: string
}

/** Sends one request; rejects if there is no response. `signal` aborts it. */
export type Post = (body: Uint8Array, signal: AbortSignal) => Promise<WriteResponse>

export interface RemoteWriteOptions {
  /** The configuration in effect, read for each push. */
  readonly config: () => RemoteWriteConfig
  readonly gatewayId: string
  /** The series that match the selectors, and when they were read; rejects with what is wrong with the selectors. */
  readonly read: (
    match: readonly string[],
  ) => Promise<{ readonly series: readonly Reading[]; readonly atMonoMs: number }>
  /** Whether the wall clock is known to be wrong: samples are then kept until it is right. */
  readonly clockIsWrong: () => boolean
  readonly post: Post
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
}

export interface RemoteWrite {
  health(): RemoteWriteHealth
  /** The configuration has changed: ends a wait for the next attempt, because that may now succeed. */
  reconfigured(): void
  /** Marks `up` as stale and sends the waiting samples, within two seconds. */
  stop(): Promise<void>
}
