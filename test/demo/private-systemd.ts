// The demo's environment on a machine without systemd: a private systemd that runs the twelve default units as small services.
import { execFile, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import type { DemoEnvironment } from './environment.ts'
import { BOOT_TARGET, SERVICE_SCRIPT, unitFiles } from './gateway-units.ts'
import { SCENARIO } from './scenario.ts'

const run = promisify(execFile)
const SYSTEMD = '/lib/systemd/systemd'
const RIG = fileURLToPath(new URL('../rig/systemd-rig.sh', import.meta.url))

export async function openPrivateSystemd(directory: string): Promise<DemoEnvironment> {
  const problem = missingRequirement()
  if (problem !== null) throw new Error(`the demo cannot start a private systemd: ${problem}`)
  const base = join(directory, 'rig')
  mkdirSync(base)
  process.env['RIG_BASE'] = base // keeps everything that the rig writes in one place, so that stopRigs finds it
  try {
    const systemd = await startSystemd()
    writeFileSync(join(systemd.shareDir, 'service.sh'), SERVICE_SCRIPT)
    for (const [name, text] of Object.entries(unitFiles(systemd.shareDir))) systemd.writeUnit(name, text)
    await systemd.daemonReload()
    return {
      description: 'a private systemd',
      busAddress: systemd.busAddress,
      units: null,
      runScenario: (announce, signal) => runScenario(systemd, announce, signal),
      [Symbol.asyncDispose]: () => stopRigs(base),
    }
  } catch (error) {
    await stopRigs(base)
    throw error
  }
}

/** What this machine lacks for a private systemd, and how to provide it; null if nothing is missing. */
function missingRequirement(): string | null {
  if (!existsSync(SYSTEMD)) {
    return `${SYSTEMD} not found; install systemd, dbus-daemon and util-linux (on Debian, npm installs them itself)`
  }
  const { status, error, stderr } = spawnSync('unshare', ['--mount', '--pid', '--fork', 'true'], { encoding: 'utf8' })
  if (status === 0) return null
  const why = error?.message ?? stderr.trim()
  return `namespaces are not permitted (${why}); a container needs more privileges, such as 'docker run --privileged'`
}

/** Boots the simulated gateway, then repeats the steps of the scenario. */
async function runScenario(systemd: Systemd, announce: (action: string) => void, signal: AbortSignal): Promise<void> {
  announce('booting a simulated gateway with twelve units')
  await systemd.systemctl('start', '--no-block', BOOT_TARGET)
  try {
    for (let i = 0; ; i += 1) {
      const step = SCENARIO[i % SCENARIO.length]
      if (step === undefined) return
      await pause(step.afterMs, undefined, { signal })
      announce(step.description)
      await step.run(systemd).catch((error: Error) => announce(`that failed: ${error.message}`))
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/** Stops every rig below `base`, also a half-started one. A Ctrl-C can interrupt the stop script as well, so each stop is tried twice. */
async function stopRigs(base: string): Promise<void> {
  for (const name of readdirSync(base)) {
    const stop = () => run(RIG, ['stop', name])
    await stop().catch(stop)
  }
}
