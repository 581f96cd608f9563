// Chooses how each attempt connects: with MQTT 5, or 3.1.1 for a broker that does not support 5; and with a retained Will,
// or without for a broker that does not support retained messages.
import type { Log } from '../../ports.ts'
import type { ConnectionError } from './error-text.ts'

export interface ConnectMode {
  readonly version: 4 | 5
  /** Retained messages are used: a broker that does not support them refuses a Will with the retain flag. */
  readonly retain: boolean
}

/** The best one first. */
const MODES = [
  { version: 5, retain: true },
  { version: 5, retain: false },
  { version: 4, retain: true },
  { version: 4, retain: false },
] as const satisfies readonly ConnectMode[]
type ModeIndex = 0 | 1 | 2 | 3

/**
 * The next mode when the broker has closed the connection without a response. MQTT 5 has a response for a Will that must
 * not be retained, 3.1.1 has none.
 */
const AFTER_SILENCE: Readonly<Record<ModeIndex, ModeIndex>> = { 0: 2, 1: 2, 2: 3, 3: 0 }

const NOT_RETAINED =
  'the broker does not support retained messages: a client that subscribes later does not receive the availability and the states that were published before'

interface ConnectModes {
  /** For the next attempt. */
  next(): ConnectMode
  /** The broker refused the connection; returns whether another mode is worth an attempt now. */
  refused(why: Pick<ConnectionError, 'version' | 'retain'>): boolean
  /** The broker closed the connection before a CONNACK, as old ones do, but also one that is just starting. */
  closedSilently(): void
  /**
   * The broker accepted the connection; returns false if a better mode must be tried once more before it is used.
   * `retains`: the CONNACK does not exclude retained messages.
   */
  accepted(retains: boolean): boolean
  /** What does not work in the mode of the connection, one sentence; null if everything does. */
  problem(): string | null
}

export function createConnectModes(log: Log): ConnectModes {
  let mode: ModeIndex = 0
  /** The best mode that may work: the broker has refused those before it. */
  let best: ModeIndex = 0
  let lastAccepted: ModeIndex | null = null
  /** The broker's CONNACK allows retained messages, and a retained Will was tried since then. */
  let retainTried = false
  let problem: string | null = null

  /** The connection is not used: the next attempt uses `better`. */
  function tryAgain(better: ModeIndex): false {
    lastAccepted = mode
    mode = best = better
    return false
  }

  function use(retains: boolean): true {
    lastAccepted = best = mode
    const before = problem
    problem = retains && MODES[mode].retain ? null : NOT_RETAINED
    if (problem !== null && before === null) log('warning', `mqtt: ${problem}`)
    return true
  }

  return {
    next: () => MODES[mode],
    refused({ version, retain = false }) {
      if (version && MODES[mode].version === 5) {
        mode = best = 2
        log('info', 'mqtt: the broker does not support MQTT 5; using 3.1.1')
        return true
      }
      if (!retain || mode !== 0) return false
      mode = best = 1
      return true
    },
    closedSilently() {
      mode = AFTER_SILENCE[mode]
    },
    accepted(retains) {
      if (mode > best && lastAccepted !== mode) return tryAgain(best)
      if (mode === 1 && retains && !retainTried) {
        retainTried = true
        return tryAgain(0)
      }
      if (mode === 0 || !retains) retainTried = false
      return use(retains)
    },
    problem: () => problem,
  }
}
