// Any command line: parsed, or refused with a message; never an exception.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseArguments } from '../../src/cli/args.ts'
import { COMMAND_NAMES } from '../../src/cli/command-table.ts'
import { FLAGS } from '../../src/cli/flags.ts'

const word = fc.oneof(fc.constantFrom(...FLAGS.keys(), ...COMMAND_NAMES, '--', '-', '=', 'a,b', '-1'), fc.string())

test('any command line is parsed or refused with a message', () => {
  fc.assert(
    fc.property(fc.array(word, { maxLength: 6 }), (argv) => {
      const result = parseArguments(argv)
      if ('problem' in result) expect(result.problem.length).toBeGreaterThan(0)
    }),
    { numRuns: 2_000 },
  )
})
