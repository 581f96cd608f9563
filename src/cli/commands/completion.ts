// gatewatch completion: the bash script that completes commands, options and operands.
import { EVENT_KINDS } from '../../core/event.ts'
import { COMMAND_NAMES, type Command, OPERATIONS } from '../command-table.ts'
import { commandsOf, FLAGS, type FlagTarget, valueName } from '../flags.ts'
import { RESTARTS } from '../unit-file.ts'

/** For `/etc/bash_completion.d/` or `source <(...)`; requires only bash and compgen. */
export function bashCompletion(): string {
  const options = (command: Command) =>
    [...FLAGS]
      .filter(([flag, target]) => flag.startsWith('--') && commandsOf(target).includes(command))
      .map(([flag]) => flag)
  const takingValue = (...names: string[]) =>
    [...FLAGS].filter(([, target]) => names.includes(valueName(target) ?? '')).map(([flag]) => flag)
  const cases = COMMAND_NAMES.map((name) => `    ${name}) options="${options(name).join(' ')}" ;;`)
  const others = [...FLAGS].filter(([, target]) => takesFreeText(target)).map(([flag]) => flag)
  return `# bash completion for gatewatch
_gatewatch_units() {
  { systemctl list-units --all --full --no-legend --plain; systemctl list-unit-files --no-legend; } 2>/dev/null |
    cut -d' ' -f1 | sort -u
}
_gatewatch() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" command=run options i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${COMP_WORDS[i]}" in
      ${COMMAND_NAMES.join('|')}) command="\${COMP_WORDS[i]}"; break ;;
    esac
  done
  case "$before" in
    ${takingValue('FILE', 'PATH').join('|')}) COMPREPLY=($(compgen -f -- "$word")); return ;;
    --kind) COMPREPLY=($(compgen -W "${EVENT_KINDS.join(' ')}" -- "$word")); return ;;
    --log-format) COMPREPLY=($(compgen -W "text json" -- "$word")); return ;;
    --restart) COMPREPLY=($(compgen -W "${RESTARTS.join(' ')}" -- "$word")); return ;;
    --working-directory) COMPREPLY=($(compgen -d -- "$word")); return ;;
    --run-as) COMPREPLY=($(compgen -u -- "$word")); return ;;
    --backend) COMPREPLY=($(compgen -W "auto dbus command" -- "$word")); return ;;
    --unit|--services) COMPREPLY=($(compgen -W "$(_gatewatch_units)" -- "$word")); return ;;
    ${others.join('|')}) return ;;
  esac
  case "$command" in
${cases.join('\n')}
  esac
  if [[ "$word" == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
  elif ((i >= COMP_CWORD)); then
    COMPREPLY=($(compgen -W "${COMMAND_NAMES.join(' ')}" -- "$word"))
  else
    case "$command" in
      help) COMPREPLY=($(compgen -W "${COMMAND_NAMES.join(' ')}" -- "$word")) ;;
      completion) COMPREPLY=($(compgen -W "bash" -- "$word")) ;;
      show|remove-unit|${OPERATIONS.join('|')}) COMPREPLY=($(compgen -W "$(_gatewatch_units)" -- "$word")) ;;
      import|dump|check-config|create-config) COMPREPLY=($(compgen -f -- "$word")) ;;
    esac
  fi
}
complete -o filenames -F _gatewatch gatewatch
`
}

/** True if the value of the flag cannot be completed. */
function takesFreeText(target: FlagTarget): boolean {
  return !['FILE', 'PATH', 'DIR', 'K', 'U', 'USER', 'WHEN', 'text|json', 'auto|dbus|command', undefined].includes(
    valueName(target),
  )
}
