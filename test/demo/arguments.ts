// The command line of the demo.
export const USAGE = `npm run demo -- [--seconds N]

Watches a real systemd with the built agent. If this machine runs systemd, the demo watches it and changes nothing.
Otherwise, as root, it starts a private systemd in namespaces that simulates the units of a gateway and crashes some.

  --seconds N   end after N seconds (default: run until q or Ctrl-C)
  --help        print this text
`

export interface DemoArguments {
  readonly help: boolean
  /** Null: runs until the user quits. */
  readonly seconds: number | null
}

const DAY = 86_400

/** Accepts `--seconds N`, `--seconds=N`, `-h` and `--help`; returns an error message for anything else. */
export function parseArguments(argv: readonly string[]): DemoArguments | { readonly problem: string } {
  let help = false
  let seconds: number | null = null
  const words = argv.flatMap((word) => (word.startsWith('--seconds=') ? ['--seconds', word.slice(10)] : [word]))
  for (let i = 0; i < words.length; i += 1) {
    const word = words[i]
    if (word === '--help' || word === '-h') help = true
    else if (word === '--seconds') {
      i += 1
      const value = words[i] ?? ''
      seconds = /^\d+$/.test(value) ? Number(value) : 0
      if (seconds < 1 || seconds > DAY) {
        return {
          problem: `--seconds requires a whole number from 1 to ${DAY}${value === '' ? '' : `, not '${value}'`}`,
        }
      }
    } else return { problem: `unknown argument '${word}'; valid arguments are --seconds N and --help` }
  }
  return { help, seconds }
}
