// Starts the process that simulates many gateways, and returns their addresses.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { freePort } from '../rig/mosquitto.ts'
import { addressOf } from './addresses.ts'

export interface SimulatedGateways extends AsyncDisposable {
  readonly pid: number
  /** `127.1.0.1:PORT` of a gateway. */
  addressOf(number: number): string
  /** All gateways in the format of Prometheus' file-based discovery; number 7 is named gw-7. */
  targets(): string
}

/** Resolves when the gateways can be scraped. */
export async function startGateways(count: number): Promise<SimulatedGateways> {
  const port = await freePort()
  const args = ['--import', 'tsx', join(import.meta.dirname, 'scraped-gateways.ts'), String(count), String(port)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  await Promise.race([new Promise((resolve) => child.stdout.once('data', resolve)), exited])
  if (child.exitCode !== null) throw new Error(`the simulated gateways exited with ${child.exitCode}`)
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
      await exited
    },
  }
}
