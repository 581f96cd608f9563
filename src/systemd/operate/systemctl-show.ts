// Parses the output of `systemctl show`: NAME=VALUE lines, which systemctl(1) documents as computer-parsable. Pure.
import { timespanUs, timestampUs } from './time-text.ts'
import { STATUS_TYPES } from './unit-status.ts'

/** Texts by name, several if the name appears more than once (ExecStart). A line without a name continues the previous value. */
export function shownLines(text: string): Map<string, string[]> {
  const values = new Map<string, string[]>()
  let last: string[] = []
  for (const line of text.replace(/\n$/, '').split('\n')) {
    const match = /^([A-Z][A-Za-z0-9]*)=(.*)$/.exec(line)
    if (match === null) {
      if (last.length > 0) last.push(`${last.pop()}\n${line}`)
      continue
    }
    const [, name = '', value = ''] = match
    last = values.get(name) ?? []
    last.push(value)
    values.set(name, last)
  }
  return values
}

/** The properties that a status consists of, with the same types as over D-Bus. */
export function shownProperties(text: string): Record<string, unknown> {
  const properties: Record<string, unknown> = {}
  for (const [name, values] of shownLines(text)) {
    const type = Object.hasOwn(STATUS_TYPES, name) ? STATUS_TYPES[name] : undefined
    if (type !== undefined) properties[name] = PARSERS[type](values)
  }
  return properties
}

const PARSERS: Readonly<Record<NonNullable<(typeof STATUS_TYPES)[string]>, (values: string[]) => unknown>> = {
  text: ([value = '']) => value,
  number: ([value = '']) => (/^-?\d+$/.test(value) ? Number(value) : null),
  boolean: ([value]) => value === 'yes',
  timestamp: ([value = '']) => timestampUs(value),
  timespan: ([value = '']) => timespanUs(value),
  words: (values) => values.flatMap(shownWords),
  files: (values) =>
    values.flatMap((value) =>
      [...value.matchAll(/(.*?) \(ignore_errors=(yes|no)\)\s?/g)].map((f) => [f[1], f[2] === 'yes']),
    ),
  conditions: () => [], // printed as [unprintable]
  loadError: ([value = '']) => (value === '' ? ['', ''] : [value.split(' ', 1)[0], shownWords(value)[1] ?? '']),
  job: ([value = '']) => [Number(value) || 0, ''],
  commands: (values) => values.flatMap((value) => (COMMAND.exec(value) ?? []).slice(1).map((line) => ['', line])),
}

const COMMAND =
  /^\{ path=.*? ; argv\[\]=(.*) ; (?:ignore_errors|flags)=[^;]* ; start_time=[^;]* ; stop_time=[^;]* ; pid=\d+ ; code=[^;]* ; status=\S+ \}$/s

/** Splits a list into words, some of them quoted with C escapes (shell_maybe_quote() of systemd): `"B=x y"`, `$'E=\\t'`. */
export function shownWords(text: string): string[] {
  const words = text.match(/\$'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|\S+/gs) ?? []
  return words.map((word) => {
    const inside = /^(?:"(.*)"|\$'(.*)')$/s.exec(word)
    return inside === null ? word : (inside[1] ?? inside[2] ?? '').replace(/\\(x[0-9a-f]{2}|[0-7]{3}|.)/gs, unescaped)
  })
}

const LETTERS: Readonly<Record<string, string>> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

function unescaped(_: string, code: string): string {
  if (/^x/.test(code)) return String.fromCharCode(Number.parseInt(code.slice(1), 16))
  if (/^[0-7]{3}$/.test(code)) return String.fromCharCode(Number.parseInt(code, 8))
  return LETTERS[code] ?? code
}
