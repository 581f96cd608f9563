// The unit file of `gatewatch create-unit`: a fixed template with every value quoted for systemd. Pure.
export interface NewUnit {
  /** With its type: `blink.service`. */
  readonly name: string
  /** An absolute path, then its arguments. */
  readonly command: readonly [string, ...string[]]
  readonly description: string | null
  readonly user: string | null
  readonly workingDirectory: string | null
  readonly environmentFile: string | null
  readonly restart: string
  readonly memoryMax: string | null
  /** The systemd instance of a user boots to default.target. */
  readonly userScope: boolean
  /** The configuration file to which create-unit adds the unit, so that remove-unit can remove it there. */
  readonly watchedIn: string | null
}

/** How the first line of every file that create-unit writes begins; remove-unit removes only such files. */
export const MADE_BY = "# Made by 'gatewatch create-unit'"

/** The second line, if the unit was added to a configuration. */
export const WATCHED_IN = '# Added to monitored_services of '

export function unitFileText(unit: NewUnit): string {
  const { command, user, workingDirectory, environmentFile, memoryMax } = unit
  const lines = [
    `${MADE_BY}; remove it with 'gatewatch remove-unit'.`,
    ...(unit.watchedIn === null ? [] : [WATCHED_IN + unit.watchedIn]),
    '[Unit]',
    `Description=${specifiersEscaped(unit.description ?? shortened(command.join(' ')))}`,
    '',
    '[Service]',
    'Type=exec', // the start job fails if the program cannot be executed
    `ExecStart=${execLine(command)}`,
    `Restart=${unit.restart}`,
    'RestartSec=1',
    ...setting('User', user),
    ...setting('WorkingDirectory', workingDirectory && specifiersEscaped(workingDirectory)),
    ...setting('EnvironmentFile', environmentFile && specifiersEscaped(environmentFile)),
    ...setting('MemoryMax', memoryMax),
    '',
    '[Install]',
    `WantedBy=${unit.userScope ? 'default.target' : 'multi-user.target'}`,
  ]
  return `${lines.join('\n')}\n`
}

/** One line, without a backslash at its end, which would continue the line. */
function shortened(line: string): string {
  return line.replace(CONTROL, ' ').slice(0, 80).replace(/\\+$/, '')
}

function setting(name: string, value: string | null): string[] {
  return value === null ? [] : [`${name}=${value}`]
}

/** The command with every word in quotes: systemd.service(5), "Command lines", and systemd.syntax(7), "Quoting". */
export function execLine([program, ...words]: readonly [string, ...string[]]): string {
  return [word(program), ...words.map((one) => word(one).replaceAll('$', '$$$$'))].join(' ')
}

/** `%` begins a specifier, `\` an escape. systemd expands variables in all words except the path of the program. */
function word(text: string): string {
  return `"${specifiersEscaped(text).replace(/["\\]/g, '\\$&').replace(CONTROL, escaped)}"`
}

function specifiersEscaped(text: string): string {
  return text.replaceAll('%', '%%')
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the expression looks for control characters
const CONTROL = /[\u0001-\u001f\u007f]/g

function escaped(letter: string): string {
  return letter === '\n' ? '\\n' : letter === '\t' ? '\\t' : `\\x${letter.charCodeAt(0).toString(16).padStart(2, '0')}`
}

/** Why a value cannot be written to a unit file; null if it can. */
export function settingProblem(name: keyof NewUnit, value: string): string | null {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the expression looks for control characters
  if (/[\u0000-\u001f\u007f]/.test(value)) return 'contains a control character'
  switch (name) {
    case 'workingDirectory':
    case 'environmentFile':
      if (!value.startsWith('/')) return 'is not an absolute path'
      return /\\$|\s$/.test(value) ? 'ends with a backslash or a space, which a unit file cannot represent' : null
    case 'description':
      return value.endsWith('\\') ? 'ends with a backslash' : null
    case 'user':
      return /^([a-zA-Z_][a-zA-Z0-9_-]*\$?|\d+)$/.test(value) ? null : 'is not a user name or user id'
    case 'restart':
      return RESTARTS.includes(value) ? null : `is not one of ${RESTARTS.join(', ')}`
    case 'memoryMax':
      // systemd ignores a limit of 0, and one above 100 %
      return /^([1-9]\d*[KMGT]?|(100|[1-9]\d?)%|infinity)$/.test(value) ? null : 'is not a size like 64M or 50%'
    default:
      return null
  }
}

/** systemd.service(5), Restart=. */
export const RESTARTS = ['no', 'on-success', 'on-failure', 'on-abnormal', 'on-watchdog', 'on-abort', 'always']
