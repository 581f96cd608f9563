// Which systemd the demo is played on: this machine's own, or a private one.
import { existsSync } from 'node:fs'
import { gatewayStage } from './gateway.ts'
import { busAnswers, machineStage } from './machine.ts'

export interface Stage extends AsyncDisposable {
  /** As it reads after "on": `this machine's systemd`. */
  readonly where: string
  /** Address of the bus; null: the usual one. */
  readonly bus: string | null
  /** Units to watch; null: the default ones. */
  readonly units: readonly string[] | null
  /** Plays until `signal` aborts, and tells what it does as it does it. */
  play(tell: (deed: string) => void, signal: AbortSignal): Promise<void>
}

/** sd_booted(3): whether systemd is this machine's init. */
const BOOTED = '/run/systemd/system'

/** `directory` is for what the stage writes. Where there is no systemd and none can be started, the error says what is needed. */
export async function openStage(directory: string, uid: number): Promise<Stage> {
  if (existsSync(BOOTED) && (await busAnswers())) return machineStage()
  if (uid === 0) return gatewayStage(directory)
  throw new Error(
    'the demo needs a systemd to watch: this machine runs none that answers on its bus, and only root can start a ' +
      "private one. Run 'sudo npm run demo', or run it on a machine (or in a container, as root) with systemd.",
  )
}
