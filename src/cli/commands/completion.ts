// gatewatch completion: the script with which a shell completes commands, options and operands.
import { bashCompletion } from '../completion/bash.ts'
import type { Shell } from '../completion/candidates.ts'
import { fishCompletion } from '../completion/fish.ts'
import { zshCompletion } from '../completion/zsh.ts'
import type { Console, ExitCode } from '../console.ts'

const SCRIPTS: Readonly<Record<Shell, () => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
}

export function completion(shell: Shell, out: Console): ExitCode {
  out.stdout(SCRIPTS[shell]())
  return 0
}
