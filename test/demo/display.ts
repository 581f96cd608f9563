// The two displays of the demo: full-screen on a terminal, plain lines into a pipe.
import { wantsColor, writerTo } from '../../src/cli/console.ts'
import type { LogEntry, Model, ModelListener } from './model.ts'
import { openScreen } from './screen.ts'
import { entryText, frame } from './view.ts'

export interface Display extends ModelListener, Disposable {
  /** Shows what the demo waits for, at start-up and at the end. */
  showNote(note: string): void
  showModel(model: Model): void
}

/** The parts of `process` that the display uses. */
export interface Stdio {
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
  readonly env: NodeJS.ProcessEnv
}

/** `quit` is called when the user quits, or when the reader of the pipe is gone. */
export function openDisplay(stdio: Stdio, quit: () => void): Display {
  const write = writerTo(stdio.stdout, quit)
  return stdio.stdout.isTTY && stdio.env['TERM'] !== 'dumb' ? openScreenDisplay(stdio, quit) : createLineDisplay(write)
}

function openScreenDisplay({ stdin, stdout, env }: Stdio, quit: () => void): Display {
  const color = wantsColor(env, true)
  let model: Model | null = null
  let note = ''
  const draw = (columns: number, rows: number) => {
    const lines =
      model === null ? [] : frame(model, { columns, rows: note === '' ? rows : rows - 1, color }, Date.now())
    return note === '' ? lines : [...lines, note]
  }
  const screen = openScreen(stdout, stdin, draw, quit)
  return {
    showNote(newNote) {
      note = newNote
      screen.changed()
    },
    showModel(newModel) {
      model = newModel
      note = ''
      screen.changed()
    },
    entryAdded: screen.changed,
    statusChanged: screen.changed,
    [Symbol.dispose]: () => screen[Symbol.dispose](),
  }
}

function createLineDisplay(write: (text: string) => void): Display {
  return {
    showNote: (note) => write(`${note}\n`),
    showModel({ agent, environment, subscribe }) {
      write(`gatewatch ${agent.version}, gateway ${agent.gatewayId}, on ${environment}\nmetrics: ${agent.metricsUrl}\n`)
      if (subscribe !== null) write(`events: ${subscribe}\n`)
    },
    entryAdded: (entry: LogEntry) => write(`${entryText(entry)}\n`),
    statusChanged() {},
    [Symbol.dispose]() {},
  }
}
