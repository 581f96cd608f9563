// The completion script for bash: requires only bash and compgen.
import {
  type Candidates,
  COMMAND_CANDIDATES,
  LIST_UNITS,
  OPTION_CANDIDATES,
  operandBranches,
  valueBranches,
} from './candidates.ts'

/** For `/etc/bash_completion.d/` or `source <(...)`. */
export function bashCompletion(): string {
  const names = COMMAND_CANDIDATES.map(({ name }) => name)
  const optionsOf = (isOffered: (option: (typeof OPTION_CANDIDATES)[number]) => boolean) =>
    OPTION_CANDIDATES.filter(isOffered).map(({ long }) => long)
  const options = names.map(
    (name) => `    ${name}) options="${optionsOf(({ commands }) => commands.includes(name)).join(' ')}" ;;`,
  )
  return `# bash completion for gatewatch
_gatewatch_units() {
  ${LIST_UNITS}
}
_gatewatch() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" command= options i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${COMP_WORDS[i]}" in
      ${names.join('|')}) command="\${COMP_WORDS[i]}"; break ;;
    esac
  done
  case "$before" in
${valueBranches(reply).join('\n')}
  esac
  case "$command" in
    "") options="${optionsOf(({ withoutCommand }) => withoutCommand).join(' ')}" ;;
${options.join('\n')}
  esac
  if [[ "$word" == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
  elif [[ "$command" == "" ]]; then
    COMPREPLY=($(compgen -W "${names.join(' ')}" -- "$word"))
  else
    case "$command" in
${operandBranches(reply).join('\n')}
    esac
  fi
}
complete -o filenames -F _gatewatch gatewatch
`
}

/** A statement that sets COMPREPLY; nothing if the value cannot be completed. */
function reply(candidates: Candidates | null): string {
  if (candidates === null) return ''
  const how: Readonly<Record<string, string>> = {
    files: '-f',
    directories: '-d',
    users: '-u',
    units: '-W "$(_gatewatch_units)"',
  }
  const words = typeof candidates === 'string' ? how[candidates] : `-W "${candidates.join(' ')}"`
  return `COMPREPLY=($(compgen ${words} -- "$word"));`
}
