// The stage where no systemd runs: a private one, with the twelve default units as small real services.
import { execFile, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { DEEDS } from './deeds.ts'
import type { Stage } from './stage.ts'
import { BOOT, SCRIPT, unitFiles } from './units.ts'

const run = promisify(execFile)
const SYSTEMD = '/lib/systemd/systemd'
const RIG = fileURLToPath(new URL('../rig/systemd-rig.sh', import.meta.url))

export async function gatewayStage(directory: string): Promise<Stage> {
  const problem = missing()
  if (problem !== null) throw new Error(`the demo cannot start a systemd of its own: ${problem}`)
  const base = join(directory, 'rig')
  mkdirSync(base)
  process.env['RIG_BASE'] = base // everything that the rig writes is then in one place, and found again
  try {
    const systemd = await startSystemd()
    writeFileSync(join(systemd.shareDir, 'service.sh'), SCRIPT)
    for (const [name, text] of Object.entries(unitFiles(systemd.shareDir))) systemd.writeUnit(name, text)
    await systemd.daemonReload()
    return {
      where: 'a private systemd',
      bus: systemd.busAddress,
      units: null,
      play: (tell, signal) => play(systemd, tell, signal),
      [Symbol.asyncDispose]: () => strike(base),
    }
  } catch (error) {
    await strike(base)
    throw error
  }
}

/** What this machine lacks for a private systemd, and what to do about it. */
function missing(): string | null {
  if (!existsSync(SYSTEMD)) {
    return `there is no ${SYSTEMD}; install systemd, dbus-daemon and util-linux (npm does it by itself on Debian)`
  }
  const { status, error, stderr } = spawnSync('unshare', ['--mount', '--pid', '--fork', 'true'], { encoding: 'utf8' })
  if (status === 0) return null
  const why = error?.message ?? stderr.trim()
  return `namespaces are not allowed here (${why}); a container needs more rights, as 'docker run --privileged' gives`
}

/** Boots the gateway, then does one deed after the other, over and over. */
async function play(systemd: Systemd, tell: (deed: string) => void, signal: AbortSignal): Promise<void> {
  tell('twelve units of a gateway, simulated; they boot now')
  await systemd.systemctl('start', '--no-block', BOOT)
  try {
    for (let i = 0; ; i += 1) {
      const deed = DEEDS[i % DEEDS.length]
      if (deed === undefined) return
      await pause(deed.afterMs, undefined, { signal })
      tell(deed.says)
      await deed.act(systemd).catch((error: Error) => tell(`that failed: ${error.message}`))
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/** Ends every rig below `base`, also one that came up only half; a Ctrl-C that hit the script is why it tries twice. */
async function strike(base: string): Promise<void> {
  for (const name of readdirSync(base)) {
    const stop = () => run(RIG, ['stop', name])
    await stop().catch(stop)
  }
}
