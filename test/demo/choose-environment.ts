// Chooses the systemd that the demo watches: this machine's own if it runs one, else a private one.
import { existsSync } from 'node:fs'
import type { DemoEnvironment } from './environment.ts'
import { isBusAvailable, openHostSystemd } from './host-systemd.ts'
import { openPrivateSystemd } from './private-systemd.ts'

/** sd_booted(3): whether systemd is this machine's init. */
const BOOTED = '/run/systemd/system'

/** Files of the private systemd go below `directory`. Rejects with an explanation if no systemd runs and none can be started. */
export async function openEnvironment(directory: string, uid: number): Promise<DemoEnvironment> {
  if (existsSync(BOOTED) && (await isBusAvailable())) return openHostSystemd()
  if (uid === 0) return openPrivateSystemd(directory)
  throw new Error(
    'the demo needs a systemd to watch: none is reachable on the system bus of this machine, and starting a private ' +
      "one requires root. Run 'sudo npm run demo', or use a machine or a container (as root) that runs systemd.",
  )
}
