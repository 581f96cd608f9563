// Asks the person at the terminal to confirm something.
import { createInterface } from 'node:readline'

/** Resolves to true only for `y` or `yes`. The question goes to stderr; the end of the input is a no. */
export function confirmOnTerminal(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr, terminal: false })
  return new Promise((resolve) => {
    terminal.once('close', () => resolve(false))
    terminal.question(question, (answer) => {
      resolve(/^y(es)?$/i.test(answer.trim()))
      terminal.close()
    })
  })
}
