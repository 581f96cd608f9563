// Target: web_config_file (http/access/web-config, yaml-fields).
import fc from 'fast-check'
import { stringify } from 'yaml'
import { parseWebConfig, type WebConfig } from '../../../src/http/access/web-config.ts'
import { ConfigFileError } from '../../../src/http/access/yaml-fields.ts'
import { mutatedText } from '../mutated.ts'
import { assert, type FuzzTarget, isOneLine, TEXT_FILES } from '../target.ts'

const FILE = 'web.yml'
const HASH = `$2y$10$${'a'.repeat(53)}`

function readNamed(path: string): string {
  if (path.includes('missing')) throw new Error(`ENOENT: no such file or directory, open '${path}'`)
  return 'PEM'
}

/** The configuration; null if it is refused with an error that has a position in the file. */
function parseOrRefuse(text: string): WebConfig | null {
  try {
    return parseWebConfig(text, FILE, readNamed)
  } catch (error) {
    assert(error instanceof ConfigFileError, () => `the error is not a ConfigFileError but ${String(error)}`)
    const { message } = error
    assert(isOneLine(message), () => `the message is not one line: ${JSON.stringify(message)}`)
    assert(message.length <= 1_100, () => `the message has ${message.length} characters`)
    const [, line, column] = /^web\.yml:(\d+):(\d+): ./.exec(message) ?? []
    const lines = text.split('\n')
    const length = lines[Number(line) - 1]?.length ?? -1
    assert(
      message === 'web.yml' || (Number(column) >= 1 && Number(column) <= length + 2),
      () => `no position in the file: ${message}`,
    )
    return null
  }
}

function checkLimits({ headers, users, rateLimit, tls }: WebConfig): void {
  for (const hash of users.values())
    assert(/^\$2[abxy]?\$(0[4-9]|[12]\d|3[01])\$/.test(hash), () => `a hash that bcrypt cannot use: ${hash}`)
  for (const [name, value] of Object.entries(headers))
    assert(
      /^[A-Za-z-]+$/.test(name) && /^[\t -~]+$/.test(value),
      () => `not a header: ${JSON.stringify([name, value])}`,
    )
  if (rateLimit !== null) {
    const { everyMs, burst } = rateLimit
    assert(everyMs > 0 && Number.isFinite(everyMs), () => `one request every ${everyMs} ms`)
    assert(Number.isSafeInteger(burst) && burst >= 0, () => `a burst of ${burst}`)
  }
  if (tls !== null) assert(Boolean(tls.context.cert) && Boolean(tls.context.key), () => 'TLS without a certificate')
}

/** The same configuration, written again; without TLS. */
function written({ headers, users, rateLimit }: WebConfig): string {
  const limit = rateLimit === null ? {} : { interval: `${rateLimit.everyMs}ms`, burst: rateLimit.burst }
  return stringify({ http_server_config: { headers }, basic_auth_users: Object.fromEntries(users), rate_limit: limit })
}

function asText({ headers, users, rateLimit }: WebConfig): string {
  return JSON.stringify([headers, [...users].sort(), rateLimit])
}

const hash = fc.constantFrom(HASH, HASH.replace('10', '31'), HASH.replace('10', '99'), HASH.replace('2y', '2b'))
const word = fc.oneof(
  fc.constantFrom('admin', 'a: b', '#', "it's", '', '~', 'true', '0x10'),
  fc.string({ maxLength: 8 }),
)
const files = fc
  .record(
    {
      tls_server_config: fc.record(
        {
          cert_file: fc.constantFrom('cert.pem', 'missing.pem'),
          key_file: word,
          client_ca_file: word,
          client_auth_type: fc.constantFrom('NoClientCert', 'RequireAndVerifyClientCert', 'toString'),
          client_allowed_sans: fc.array(word, { maxLength: 2 }),
          min_version: fc.constantFrom('TLS12', 'TLS13', 'SSL3'),
          cipher_suites: fc.array(fc.constantFrom('TLS_AES_128_GCM_SHA256', 'x'), { maxLength: 2 }),
        },
        { requiredKeys: [] },
      ),
      http_server_config: fc.record({
        headers: fc.dictionary(fc.constantFrom('X-XSS-Protection', 'Content-Security-Policy', 'X-Frame-Options'), word),
      }),
      basic_auth_users: fc.dictionary(word, fc.oneof({ weight: 5, arbitrary: hash }, word), {
        maxKeys: 3,
      }),
      rate_limit: fc.record({
        interval: fc.oneof(fc.constantFrom('1s', '1m30s', '0', '0.5ms'), word),
        burst: fc.oneof(fc.nat(), fc.constantFrom(-1, 1.5, 1e300)),
      }),
    },
    { requiredKeys: [] },
  )
  .map((file) => stringify(file))

const WORDS = [
  '\n',
  ' ',
  '  ',
  ': ',
  '- ',
  '&a ',
  '*a',
  '<<: ',
  '{',
  '}',
  '[',
  ']',
  '"',
  "'",
  '|',
  '>',
  '#',
  '!!',
  '---\n',
  '%',
  '? ',
]
const FIELDS = [
  'tls_server_config:',
  'basic_auth_users:',
  'rate_limit:',
  'interval: ',
  'burst: ',
  'cert: ',
  HASH,
  'null',
  '9e99',
  'h',
]

const nested = fc
  .tuple(fc.constantFrom('- ', ': ', '? ', '[', '{a: ', 'a:\n '), fc.constantFrom(1, 25, 5_000))
  .map(([one, times]) => `tls_server_config: ${one.repeat(times)}`)

export const target: FuzzTarget<string> = {
  ...TEXT_FILES,
  cpuMsAtMost: 1_000,
  inputs: (corpus) => {
    const words = [...WORDS, ...FIELDS]
    return fc.oneof(
      nested,
      files,
      mutatedText(corpus, words, 16_384),
      files.chain((file) => mutatedText([file], words, 16_384)),
    )
  },
  check(text) {
    const config = parseOrRefuse(text)
    if (config === null) return
    checkLimits(config)
    if (config.rateLimit !== null && String(config.rateLimit.everyMs).includes('e')) return
    const again = parseOrRefuse(written(config))
    assert(again !== null && asText(again) === asText(config), () => `${asText(config)} is written as another file`)
  },
}
