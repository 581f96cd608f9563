// Starts mosquitto_sub for a test, and other programs of the rig; they end with their owner.
import { type ChildProcess, spawn } from 'node:child_process'
import { until } from './until.ts'

export interface ReceivedMessage {
  readonly topic: string
  readonly payload: string
  readonly retain: boolean
  /** As printed by mosquitto_sub's `%P`: `name:value`. */
  readonly userProperties: string
}

export interface Subscriber extends AsyncDisposable {
  readonly received: readonly ReceivedMessage[]
  /** How often it has subscribed: once more after each loss of the broker. */
  subscriptions(): number
  stop(): Promise<void>
}

let subscribers = 0

/** `granted`: the number of subscriptions that the broker has granted to a client id. */
export async function startSubscriber(granted: (id: string) => number, args: string[]): Promise<Subscriber> {
  subscribers += 1
  const id = `rig-${process.pid}-${subscribers}`
  // receive-maximum: by default the broker holds back messages above 20, and they are lost when it is killed
  const options = ['-V', 'mqttv5', '-D', 'connect', 'receive-maximum', '65535', '-q', '1']
  const child = startRigProcess('mosquitto_sub', [...options, '-i', id, '-F', '%t\t%r\t%P\t%p', ...args])
  const received: ReceivedMessage[] = []
  let rest = ''
  let stderr = ''
  child.process.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const [topic = '', retain, userProperties = '', ...payload] = line.split('\t')
      received.push({ topic, payload: payload.join('\t'), retain: retain === '1', userProperties })
    }
  })
  child.process.stderr?.on('data', (chunk) => {
    stderr += chunk
  })
  await until(() => granted(id) > 0 || child.ended(), { what: 'mosquitto_sub to subscribe', everyMs: 5 })
  if (child.ended()) throw new Error(`mosquitto_sub exited: ${stderr.trim()}`)
  const stop = () => child.end('SIGKILL')
  return { received, subscriptions: () => granted(id), stop, [Symbol.asyncDispose]: stop }
}

export interface RigProcess {
  readonly process: ChildProcess
  ended(): boolean
  end(signal: NodeJS.Signals): Promise<void>
}

/** Starts a program that ends with this process, even if that is killed with SIGKILL. */
export function startRigProcess(program: string, args: readonly string[]): RigProcess {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let closed = false
  const closing = new Promise<void>((resolve) => {
    const close = () => {
      closed = true
      resolve()
    }
    child.once('close', close)
    child.once('error', close)
  })
  return {
    process: child,
    ended: () => closed,
    async end(signal) {
      child.kill('SIGCONT')
      child.kill(signal)
      await closing
    },
  }
}
