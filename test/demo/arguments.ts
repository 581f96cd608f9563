// The demo's own command line: for how long, or what it is.
export const USAGE = `npm run demo -- [--seconds N]

Watches a real systemd with the built agent: this machine's own where it runs one (only watching it), else, as root,
a private one in namespaces with the units of a gateway simulated, of which one crashes now and then.

  --seconds N   end after N seconds; without it the demo runs until q or Ctrl-C
  --help        this text
`

export interface Arguments {
  readonly help: boolean
  /** Null: until somebody ends it. */
  readonly seconds: number | null
}

const DAY = 86_400

/** `--seconds N` or `--seconds=N`, `-h`, `--help`; a problem in words for anything else. */
export function parseArguments(argv: readonly string[]): Arguments | { readonly problem: string } {
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
        return { problem: `--seconds wants a whole number from 1 to ${DAY}${value === '' ? '' : `, not '${value}'`}` }
      }
    } else return { problem: `unknown argument '${word}'; known are --seconds N and --help` }
  }
  return { help, seconds }
}
