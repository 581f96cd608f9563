// The state of the push over Prometheus remote write, as metrics, health and status show it.

export interface RemoteWriteHealth {
  /** Why samples do not reach the receiver, one sentence; null while they do. */
  readonly problem: string | null
  /** What was dropped in the last hour, one sentence; null if nothing was. */
  readonly note: string | null
  /** Samples that the receiver has accepted. */
  readonly sent: number
  /** Samples in requests that failed; most of them are sent again. */
  readonly failed: number
  /** Samples that were dropped, by reason. */
  readonly dropped: Readonly<Record<'overflow' | 'expired' | 'too_old' | 'refused' | 'clock', number>>
  /** Samples that wait. */
  readonly pending: number
  /** Wall time in ms at which the receiver last accepted a request; null if it never has. */
  readonly lastSuccessMs: number | null
}
