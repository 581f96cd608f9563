// The completion script for zsh, with a description of each command and option.
import {
  type Candidates,
  COMMAND_CANDIDATES,
  LIST_UNITS,
  OPTION_CANDIDATES,
  operandBranches,
  valueBranches,
} from './candidates.ts'

/** For `_gatewatch` in a directory of `$fpath`, or `source <(...)` after compinit. */
export function zshCompletion(): string {
  const names = COMMAND_CANDIDATES.map(({ name }) => name)
  const options = OPTION_CANDIDATES.map(({ long, help, commands, withoutCommand }) => {
    const accepting = [...(withoutCommand ? ['none'] : []), ...commands]
    return `  [[ "$command" == (${accepting.join('|')}) ]] && options+=(${quoted(`${long}:${help}`)})`
  })
  return `#compdef gatewatch
# zsh completion for gatewatch
_gatewatch_units() {
  local -a units
  units=(\${(f)"$(${LIST_UNITS})"})
  compadd -a units
}
_gatewatch() {
  local command=none before="\${words[CURRENT-1]}" i
  local -a commands options
  for ((i = 2; i < CURRENT; i++)); do
    case "\${words[i]}" in
      ${names.join('|')}) command="\${words[i]}"; break ;;
    esac
  done
  if compset -P '--*='; then before="\${words[CURRENT]%%=*}"; fi
  case "$before" in
${valueBranches(add).join('\n')}
  esac
  if [[ "$PREFIX" == -* ]]; then
${options.join('\n')}
    _describe -o option options
    return
  fi
  case "$command" in
    none)
      commands=(
${COMMAND_CANDIDATES.map(({ name, summary }) => `        ${quoted(`${name}:${summary}`)}`).join('\n')}
      )
      _describe command commands
      ;;
${operandBranches(add).join('\n')}
  esac
}
if [ "\${funcstack[1]}" = _gatewatch ]; then _gatewatch "$@"; else compdef _gatewatch gatewatch; fi
`
}

/** A statement that adds the candidates; nothing if the value cannot be completed. */
function add(candidates: Candidates | null): string {
  if (candidates === null) return ''
  const how: Readonly<Record<string, string>> = {
    files: '_files;',
    directories: '_files -/;',
    users: '_users;',
    units: '_gatewatch_units;',
  }
  return typeof candidates === 'string' ? (how[candidates] ?? '') : `compadd ${candidates.join(' ')};`
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
