// The two ways to show the demo: the whole terminal, or plain lines into a pipe.
import { wantsColor, writerTo } from '../../src/cli/console.ts'
import type { Model, Told, Watcher } from './model.ts'
import { openScreen } from './screen.ts'
import { frame, toldText } from './view.ts'

export interface Show extends Watcher, Disposable {
  /** What is being waited for before there is something to see, and at the end. */
  note(words: string): void
  begins(model: Model): void
}

/** What the terminal can; `quit` is called when nobody wants to see more. */
export interface Stdio {
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
  readonly env: NodeJS.ProcessEnv
}

export function openShow(stdio: Stdio, quit: () => void): Show {
  const write = writerTo(stdio.stdout, quit)
  return stdio.stdout.isTTY && stdio.env['TERM'] !== 'dumb' ? screenShow(stdio, quit) : lineShow(write)
}

function screenShow({ stdin, stdout, env }: Stdio, quit: () => void): Show {
  const color = wantsColor(env, true)
  let model: Model | null = null
  let note = ''
  const picture = (columns: number, rows: number) => {
    const lines =
      model === null ? [] : frame(model, { columns, rows: note === '' ? rows : rows - 1, color }, Date.now())
    return note === '' ? lines : [...lines, note]
  }
  const screen = openScreen(stdout, stdin, picture, quit)
  return {
    note(words) {
      note = words
      screen.changed()
    },
    begins(newModel) {
      model = newModel
      note = ''
      screen.changed()
    },
    told: screen.changed,
    changed: screen.changed,
    [Symbol.dispose]: () => screen[Symbol.dispose](),
  }
}

function lineShow(write: (text: string) => void): Show {
  return {
    note: (words) => write(`${words}\n`),
    begins({ agent, where, subscribe }) {
      write(`gatewatch ${agent.version}, gateway ${agent.gatewayId}, on ${where}\nmetrics: ${agent.metricsUrl}\n`)
      if (subscribe !== null) write(`events: ${subscribe}\n`)
    },
    told: (entry: Told) => write(`${toldText(entry)}\n`),
    changed() {},
    [Symbol.dispose]() {},
  }
}
