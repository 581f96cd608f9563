// A real mosquitto_sub for a test, and how programs of the rig are run: they go with their owner.
import { type ChildProcess, spawn } from 'node:child_process'
import { until } from './until.ts'

export interface Heard {
  readonly topic: string
  readonly payload: string
  readonly retain: boolean
  /** As mosquitto_sub's `%P` prints them: `name:value`. */
  readonly userProperties: string
}

export interface Subscriber extends AsyncDisposable {
  readonly heard: readonly Heard[]
  /** How often it was subscribed: again after each loss of the broker. */
  subscriptions(): number
  stop(): Promise<void>
}

let subscribers = 0

/** `granted`: how many subscriptions the client of this id has been granted. */
export async function startSubscriber(granted: (id: string) => number, args: string[]): Promise<Subscriber> {
  subscribers += 1
  const id = `rig-${process.pid}-${subscribers}`
  // receive-maximum: else the broker holds back all above 20, and a killed broker takes those along
  const how = ['-V', 'mqttv5', '-D', 'connect', 'receive-maximum', '65535', '-q', '1']
  const child = run('mosquitto_sub', [...how, '-i', id, '-F', '%t\t%r\t%P\t%p', ...args])
  const heard: Heard[] = []
  let rest = ''
  let said = ''
  child.process.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const [topic = '', retain, userProperties = '', ...payload] = line.split('\t')
      heard.push({ topic, payload: payload.join('\t'), retain: retain === '1', userProperties })
    }
  })
  child.process.stderr?.on('data', (chunk) => {
    said += chunk
  })
  await until(() => granted(id) > 0 || child.ended(), { what: 'mosquitto_sub to be subscribed', everyMs: 5 })
  if (child.ended()) throw new Error(`mosquitto_sub ended: ${said.trim()}`)
  const stop = () => child.end('SIGKILL')
  return { heard, subscriptions: () => granted(id), stop, [Symbol.asyncDispose]: stop }
}

export interface Child {
  readonly process: ChildProcess
  ended(): boolean
  end(signal: NodeJS.Signals): Promise<void>
}

/** A program that dies with this process, also of SIGKILL. */
export function run(program: string, args: readonly string[]): Child {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let over = false
  const closed = new Promise<void>((resolve) => {
    const close = () => {
      over = true
      resolve()
    }
    child.once('close', close)
    child.once('error', close)
  })
  return {
    process: child,
    ended: () => over,
    async end(signal) {
      child.kill('SIGCONT')
      child.kill(signal)
      await closed
    },
  }
}
