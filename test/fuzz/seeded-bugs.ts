// Bugs to find: bounds and checks of the code that are broken one at a time, in memory, to show that fuzzing finds them.

export interface SeededBug {
  readonly target: string
  /** What no longer holds. */
  readonly broken: string
  /** Below src. */
  readonly file: string
  /** Occurs exactly once in the file. */
  readonly from: string
  readonly to: string
}

const BY_TARGET: Readonly<
  Record<string, readonly (readonly [broken: string, file: string, from: string, to: string])[]>
> = {
  'dbus-header': [
    [
      'a field ends within the header',
      'dbus/message-header.ts',
      "if (at + length + 1 > end) return 'a header field is longer than the header'",
      '',
    ],
    [
      'a number ends within the header',
      'dbus/message-header.ts',
      'if (at + 8 > end) return TRUNCATED\n      if (code',
      'if (code',
    ],
    ['skipped bytes are skipped once', 'dbus/byte-queue.ts', 'toSkip += bytes - here', 'toSkip += bytes'],
    [
      'what is kept of a chunk is copied',
      'dbus/byte-queue.ts',
      'Buffer.from(buffer.subarray(at))',
      'buffer.subarray(at)',
    ],
    [
      'what is kept of a later chunk is copied',
      'dbus/byte-queue.ts',
      'later.push(Buffer.from(later.pop() as Buffer))',
      '',
    ],
  ],
  'dbus-body': [
    [
      'the properties end where their array does',
      'dbus/read-properties.ts',
      'if (cursor.at !== end) throw',
      'if (false) throw',
    ],
    ['the nesting of values is limited', 'dbus/wire-reader.ts', 'if (depth > DEEPEST) throw', 'if (false) throw'],
    ['a 64-bit number is exact', 'dbus/wire-reader.ts', 'if (high >= 2 ** 21)', 'if (high >= 2 ** 22)'],
  ],
  'ring-recovery': [
    [
      'a page has the right checksum',
      'store/format/page.ts',
      '(page.readUInt32LE(CRC_AT) !== pageCrc(page))',
      '(false)',
    ],
    [
      'a number is not larger than the largest one',
      'store/format/bytes.ts',
      'if (Math.abs(n) <= LARGEST_NUMBER) return n',
      'return n',
    ],
    ['a value ends within its record', 'store/format/bytes.ts', 'if (at + n > end) throw', 'if (false) throw'],
  ],
  selector: [
    ['an escape is a character of Unicode', 'metrics/federate/promql-string.ts', 'code > 0x10ffff || ', ''],
    [
      'a Unicode class costs more than a character',
      'metrics/federate/expression-size.ts',
      'const UNICODE_WEIGHT = 50',
      'const UNICODE_WEIGHT = 0',
    ],
    ['an empty selector matches nothing', 'metrics/federate/matcher.ts', 'selector.length > 0 && ', ''],
  ],
  'web-config': [
    ['a burst is a whole number', 'http/access/web-config.ts', '!Number.isSafeInteger(burst) || ', ''],
    ['a password is a bcrypt hash', 'http/access/web-config.ts', '(0[4-9]|[12]\\d|3[01])', '(\\d\\d)'],
    [
      'a message is one short line',
      'http/access/yaml-fields.ts',
      'oneLine(message, MESSAGE_CHARACTERS_AT_MOST)',
      'message',
    ],
  ],
  configuration: [
    ['a number is not above its limit', 'config/value-types.ts', ', v.maxValue(max, message)', ''],
    ['a message is one short line', 'config/layer.ts', 'oneLine(text, MESSAGE_CHARACTERS_AT_MOST)', 'text'],
    ['a line begins after a line feed', 'config/jsonc-file.ts', "character === '\\n' ? 1 : column + 1", 'column + 1'],
    ['the nesting of a file is limited', 'config/nesting.ts', 'if (depth > NESTING_AT_MOST) return i', ''],
  ],
  'mqtt-command': [
    ['a retained command is not carried out', 'mqtt/commands.ts', 'if (retained)\n', 'if (false)\n'],
    ['commands have a rate limit', 'mqtt/commands.ts', 'now.tokens >= 1', 'true'],
    [
      'results are limited in number',
      'mqtt/delivery/result-queue.ts',
      'if (waiting.length >= RESULTS_AT_MOST) ',
      'if (false) ',
    ],
  ],
  import: [
    ['a count is not negative', 'core/observation.ts', ' && value >= 0', ''],
    ['a count in a request is one', 'http/api/import-body.ts', 'if (!isCount(value)) return', 'if (false) return'],
    [
      'a unit is imported once',
      'config/legacy-counters.ts',
      'else if (baselines.has(name.value)) ',
      'else if (false) ',
    ],
  ],
  'http-request': [
    [
      'clear is for the local socket only',
      'http/find-route.ts',
      "if (match.route.where === 'socket' && transport !== 'socket')",
      'if (false)',
    ],
    [
      'a path that cannot be decoded does not exist',
      'http/find-route.ts',
      'return null\n  }\n}',
      "throw new Error('path')\n  }\n}",
    ],
    ['a foreign Host is refused', 'http/access/host-check.ts', '|| names.has(host)', '|| names.size > 0'],
  ],
}

export const SEEDED_BUGS: readonly SeededBug[] = Object.entries(BY_TARGET).flatMap(([target, bugs]) =>
  bugs.map(([broken, file, from, to]) => ({ target, broken, file, from, to })),
)
