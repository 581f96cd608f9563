// Starts the process that is many gateways, and gives where they are.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { freePort } from '../rig/mosquitto.ts'
import { addressOf } from './addresses.ts'

export interface Simulated extends AsyncDisposable {
  readonly pid: number
  /** `127.1.0.1:PORT` of one. */
  addressOf(number: number): string
  /** All of them for Prometheus' discovery by files; number 7 is called gw-7. */
  targets(): string
}

/** Resolves when they answer. */
export async function startGateways(count: number): Promise<Simulated> {
  const port = await freePort()
  const args = ['--import', 'tsx', join(import.meta.dirname, 'gateways.ts'), String(count), String(port)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const gone = new Promise((resolve) => child.once('exit', resolve))
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  await Promise.race([new Promise((resolve) => child.stdout.once('data', resolve)), gone])
  if (child.exitCode !== null) throw new Error(`the gateways ended with ${child.exitCode}`)
  const at = (number: number) => `${addressOf(number)}:${port}`
  return {
    pid: child.pid ?? 0,
    addressOf: at,
    targets: () => {
      const all = Array.from({ length: count }, (_, i) => ({ targets: [at(i)], labels: { gateway: `gw-${i}` } }))
      return JSON.stringify(all)
    },
    async [Symbol.asyncDispose]() {
      process.off('exit', kill)
      kill()
      await gone
    },
  }
}
