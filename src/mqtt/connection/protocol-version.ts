// Chooses the MQTT version of each attempt to connect: 5, or 3.1.1 for a broker that does not support 5.
import type { Log } from '../../ports.ts'

interface ProtocolVersion {
  /** For the next attempt. */
  next(): 4 | 5
  /** The broker refused the version; returns whether the other one is worth an attempt. */
  refused(): boolean
  /** The broker closed the connection before a CONNACK, as old ones do, but also one that is just starting. */
  closedSilently(): void
  /** The broker accepted the version; returns false if MQTT 5 must be tried once more before this connection is used. */
  accepted(): boolean
}

export function createProtocolVersion(log: Log): ProtocolVersion {
  let version: 4 | 5 = 5
  /** The broker does not support MQTT 5. */
  let isOld = false
  return {
    next: () => version,
    refused() {
      if (version === 4) return false
      version = 4
      isOld = true
      log('info', 'mqtt: the broker does not support MQTT 5; using 3.1.1')
      return true
    },
    closedSilently() {
      version = version === 5 ? 4 : 5
    },
    accepted() {
      const isFinal = version === 5 || isOld
      isOld = version === 4
      if (!isFinal) version = 5
      return isFinal
    },
  }
}
