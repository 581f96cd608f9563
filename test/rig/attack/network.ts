// A network namespace with several addresses, so that clients do not come from the loopback address. It ends with its processes.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const PROCESS = fileURLToPath(new URL('http-process.ts', import.meta.url))

export interface Addresses {
  readonly agent: string
  readonly prometheus: string
  readonly attacker: string
  readonly others: readonly string[]
}

/** Addresses for documentation (RFC 5737). */
export const ADDRESSES: Addresses = {
  agent: '192.0.2.1',
  prometheus: '192.0.2.2',
  attacker: '192.0.2.3',
  others: ['192.0.2.4', '192.0.2.5', '192.0.2.6', '192.0.2.7'],
}

const all = [ADDRESSES.agent, ADDRESSES.prometheus, ADDRESSES.attacker, ...ADDRESSES.others]
const setUp = ['ip link set lo up', ...all.map((address) => `ip address add ${address}/32 dev lo`)].join(' && ')

/** A command in front of a program: runs it in a new network namespace, as the same process. */
export const IN_OWN_NETWORK: readonly string[] = ['unshare', '--net', '/bin/sh', '-c', `${setUp} && exec "$0" "$@"`]

/** Runs an attack of http-process.ts in the network of the process `pid`; resolves with what it prints. */
export function attackOverHttp(kind: string, pid: number, url: string, amount: number): Promise<unknown> {
  const words = [`--net=/proc/${pid}/ns/net`, process.execPath, '--import', 'tsx', PROCESS, kind, url, String(amount)]
  const child = spawn('nsenter', words, { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  return new Promise((resolve, reject) => {
    child.on('exit', (code) =>
      code === 0 ? resolve(JSON.parse(output)) : reject(new Error(`the attacking process exited with ${code}`)),
    )
  })
}
