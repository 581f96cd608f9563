// The health of the sinks that send over the network, as metrics, health checks and status show it.
import type { Histogram } from '../histogram.ts'

/** The state of delivery to the broker. */
export interface MqttHealth {
  readonly connected: boolean
  /** Why it is not connected, or what the broker refuses or sends that is not received, one sentence; null otherwise. */
  readonly problem: string | null
  /** Since when there is no connection, monotonic ms; null while there is one. */
  readonly lostAtMonoMs: number | null
  /** What to know about a connection without a problem, one sentence; null if there is nothing. */
  readonly note: string | null
  /** What shows that another client uses our client id, one sentence; null while nothing does. */
  readonly sharedClientId: string | null
  /** Events that the broker has not acknowledged yet, plus one for a `dropped` record that waits. */
  readonly queued: number
  /** Messages of any kind that the broker has acknowledged. */
  readonly published: number
  readonly eventsPublished: number
  /** Connections after the first one. */
  readonly reconnects: number
  /** Events that were dropped, by reason. */
  readonly dropped: Readonly<Record<'overflow' | 'forgotten' | 'too_large' | 'refused' | 'cleared', number>>
  /** Messages that the broker refused, by kind, and subscriptions. */
  readonly refused: Readonly<Record<'state' | 'event' | 'agent' | 'discovery' | 'thinedge' | 'subscribe', number>>
  /** The broker has every event up to this sequence number, or a `dropped` record for it; null before the first. */
  readonly acknowledged: number | null
  /** From publishing to the broker's acknowledgement; null at QoS 0, at which brokers acknowledge nothing. */
  readonly publishSeconds: Histogram | null
}

/** The state of the push over Prometheus remote write. */
export interface RemoteWriteHealth {
  /** Why samples do not reach the receiver, one sentence; null while they do. */
  readonly problem: string | null
  /** What was dropped in the last hour, one sentence; null if nothing was. */
  readonly note: string | null
  readonly sent: number
  /** Samples in requests that failed; most of them are sent again. */
  readonly failed: number
  /** Samples that were dropped, by reason. */
  readonly dropped: Readonly<Record<'overflow' | 'expired' | 'too_old' | 'refused' | 'clock', number>>
  readonly pending: number
  /** Wall time in ms at which the receiver last accepted a request; null if it never has. */
  readonly lastSuccessMs: number | null
}
