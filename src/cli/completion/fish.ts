// The completion script for fish, with a description of each command and option.
import { type Candidates, COMMAND_CANDIDATES, LIST_UNITS, OPTION_CANDIDATES } from './candidates.ts'

/** For `~/.config/fish/completions/gatewatch.fish`, or `source`. */
export function fishCompletion(): string {
  const names = COMMAND_CANDIDATES.map(({ name }) => name)
  const commands = COMMAND_CANDIDATES.map(({ name, summary }) => rule(['none'], `-a ${name} -d ${quoted(summary)}`))
  const operands = COMMAND_CANDIDATES.flatMap(({ name, operands: some }) =>
    some === null ? [] : [rule([name], values(some))],
  )
  const options = OPTION_CANDIDATES.map(({ long, short, help, value, commands: accepting, withoutCommand }) => {
    const spelling = `${short === null ? '' : `-s ${short.slice(1)} `}-l ${long.slice(2)} -d ${quoted(help)}`
    const argument = value === undefined ? '' : value === null ? ' -x' : ` -r ${values(value)}`
    return rule([...(withoutCommand ? ['none'] : []), ...accepting], `${spelling}${argument}`)
  })
  return `# fish completion for gatewatch
function __gatewatch_units
  ${LIST_UNITS}
end
function __gatewatch_command_is
  set -l command none
  for word in (commandline -opc)[2..]
    if contains -- $word ${names.join(' ')}
      set command $word
      break
    end
  end
  contains -- $command $argv
end
complete -c gatewatch -f
${[...commands, ...operands, ...options].join('\n')}
`
}

function rule(commands: readonly string[], what: string): string {
  return `complete -c gatewatch -n '__gatewatch_command_is ${commands.join(' ')}' ${what}`
}

/** The arguments of complete(1) for a value or an operand. */
function values(candidates: Candidates): string {
  const how: Readonly<Record<string, string>> = {
    files: '-F',
    directories: "-f -a '(__fish_complete_directories)'",
    users: "-f -a '(__fish_complete_users)'",
    units: "-f -a '(__gatewatch_units)'",
  }
  return typeof candidates === 'string' ? (how[candidates] ?? '') : `-f -a '${candidates.join(' ')}'`
}

function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`
}
