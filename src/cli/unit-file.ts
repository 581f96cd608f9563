// The unit file of `gatewatch create-unit`: a kept template, with whatever it is given quoted as systemd reads it. Pure.
export interface NewUnit {
  /** With its type: `blink.service`. */
  readonly name: string
  /** An absolute path, then the words behind it. */
  readonly command: readonly [string, ...string[]]
  readonly description: string | null
  readonly user: string | null
  readonly workingDirectory: string | null
  readonly environmentFile: string | null
  readonly restart: string
  readonly memoryMax: string | null
  /** In the user's own systemd the boot ends in another target. */
  readonly userScope: boolean
  /** The configuration file to which create-unit adds the unit, for remove-unit to take it out again. */
  readonly watchedIn: string | null
}

/** The first line of what create-unit writes: remove-unit takes away nothing else. */
export const MADE_BY = "# Made by 'gatewatch create-unit': 'gatewatch remove-unit' takes it away again."

/** The second line, where the unit was added to a configuration. */
export const WATCHED_IN = '# Added to monitored_services of '

export function unitFileText(unit: NewUnit): string {
  const { command, user, workingDirectory, environmentFile, memoryMax } = unit
  const lines = [
    MADE_BY,
    ...(unit.watchedIn === null ? [] : [WATCHED_IN + unit.watchedIn]),
    '[Unit]',
    `Description=${specifiersEscaped(unit.description ?? shortened(command.join(' ')))}`,
    '',
    '[Service]',
    'Type=exec', // so that a program that cannot be run fails the start
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

/** On one line, which a backslash at its end would carry on. */
function shortened(line: string): string {
  return line.replace(CONTROL, ' ').slice(0, 80).replace(/\\+$/, '')
}

function setting(name: string, value: string | null): string[] {
  return value === null ? [] : [`${name}=${value}`]
}

/** Every word in quotes, as systemd.service(5), "Command lines", and systemd.syntax(7), "Quoting", have it. */
export function execLine([program, ...words]: readonly [string, ...string[]]): string {
  return [word(program), ...words.map((one) => word(one).replaceAll('$', '$$$$'))].join(' ')
}

/** `%` begins a specifier, `\` an escape; variables are expanded in all words but the program's path. */
function word(text: string): string {
  return `"${specifiersEscaped(text).replace(/["\\]/g, '\\$&').replace(CONTROL, escaped)}"`
}

function specifiersEscaped(text: string): string {
  return text.replaceAll('%', '%%')
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0001-\u001f\u007f]/g

function escaped(letter: string): string {
  return letter === '\n' ? '\\n' : letter === '\t' ? '\\t' : `\\x${letter.charCodeAt(0).toString(16).padStart(2, '0')}`
}

/** Why a value cannot stand in a unit file, null where it can. */
export function settingProblem(name: keyof NewUnit, value: string): string | null {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(value)) return 'holds a control character'
  switch (name) {
    case 'workingDirectory':
    case 'environmentFile':
      if (!value.startsWith('/')) return 'is not an absolute path'
      return /\\$|\s$/.test(value) ? 'ends in a way that a unit file cannot hold' : null
    case 'description':
      return value.endsWith('\\') ? 'ends in a backslash' : null
    case 'user':
      return /^([a-zA-Z_][a-zA-Z0-9_-]*\$?|\d+)$/.test(value) ? null : 'is not the name or number of a user'
    case 'restart':
      return RESTARTS.includes(value) ? null : `is none of ${RESTARTS.join(', ')}`
    case 'memoryMax':
      return /^(\d+[KMGT]?|\d{1,3}%|infinity)$/.test(value) ? null : 'is not a size like 64M'
    default:
      return null
  }
}

/** systemd.service(5), Restart=. */
export const RESTARTS = ['no', 'on-success', 'on-failure', 'on-abnormal', 'on-watchdog', 'on-abort', 'always']
