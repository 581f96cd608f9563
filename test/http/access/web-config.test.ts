// web_config_file as exporter-toolkit defines it: its own examples are accepted, faults are reported with their position.
import { expect, test } from 'vitest'
import { parseWebConfig, type WebConfig } from '../../../src/http/access/web-config.ts'

const FILES: Readonly<Record<string, string>> = { 'server.crt': 'CERT', 'server.key': 'KEY', 'ca.crt': 'CA' }

function parsed(text: string): WebConfig | string {
  try {
    return parseWebConfig(text, 'web.yml', (path) => {
      const found = FILES[path]
      if (found === undefined) throw new Error(`ENOENT: no such file, open '${path}'`)
      return found
    })
  } catch (error) {
    return (error as Error).message
  }
}

const BOB = '$2y$10$hLqFl9jSjoAAy95Z/zw8Ye8wkdMBM8c5Bn1ptYqP/AXyV0.oy0S8m'
const TLS = 'tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n'
const PLAIN = { tls: null, headers: {}, users: new Map(), rateLimit: null }
const context = { cert: 'CERT', key: 'KEY', minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3', honorCipherOrder: true }

test.each([
  ['nothing', '', PLAIN],
  ['a comment', '# none\n', PLAIN],
  ['empty sections', 'tls_server_config:\nbasic_auth_users:\n', PLAIN],
  ['TLS', TLS, { ...PLAIN, tls: { context, clients: 'none', allowedSans: [] } }],
  [
    "the documentation's sample",
    `${TLS}basic_auth_users:\n  bob: ${BOB}\nrate_limit:\n  interval: "1s"\n  burst: 20\n`,
    {
      ...PLAIN,
      tls: { context, clients: 'none', allowedSans: [] },
      users: new Map([['bob', BOB]]),
      rateLimit: { everyMs: 1000, burst: 20 },
    },
  ],
  [
    'client certificates for some names',
    `${TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n  client_allowed_sans: [fleet.example, "10.0.0.1"]\n`,
    {
      ...PLAIN,
      tls: { context: { ...context, ca: 'CA' }, clients: 'valid', allowedSans: ['fleet.example', '10.0.0.1'] },
    },
  ],
  [
    'certificates inline',
    'tls_server_config:\n  cert: |\n    A\n    B\n  key: "C\\nD"\n',
    { ...PLAIN, tls: { context: { ...context, cert: 'A\nB\n', key: 'C\nD' }, clients: 'none', allowedSans: [] } },
  ],
  [
    'versions, ciphers and curves',
    `${TLS}  min_version: TLS11\n  max_version: TLS12\n  cipher_suites:\n  - TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\n  - TLS_AES_128_GCM_SHA256\n  prefer_server_cipher_suites: false\n  curve_preferences: [CurveP384, X25519]\n`,
    {
      ...PLAIN,
      tls: {
        clients: 'none',
        allowedSans: [],
        context: {
          ...context,
          minVersion: 'TLSv1.1',
          maxVersion: 'TLSv1.2',
          honorCipherOrder: false,
          ciphers:
            'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:ECDHE-RSA-AES128-GCM-SHA256',
          ecdhCurve: 'P-384:X25519',
        },
      },
    },
  ],
  [
    'headers',
    'http_server_config:\n  http2: false\n  headers:\n    Strict-Transport-Security: max-age=31536000\n    X-Frame-Options: deny\n    X-XSS-Protection:\n',
    { ...PLAIN, headers: { 'Strict-Transport-Security': 'max-age=31536000', 'X-Frame-Options': 'deny' } },
  ],
  [
    'a user whose name is a number',
    `basic_auth_users:\n  0123: "${BOB}"\n`,
    { ...PLAIN, users: new Map([['0123', BOB]]) },
  ],
  ['no limit', 'rate_limit: {interval: 0s, burst: 1}', PLAIN],
  [
    'an alias',
    `x: &b ${BOB}\n`.replace('x:', 'basic_auth_users: {a:').replace('\n', ', c: *b}\n'),
    {
      ...PLAIN,
      users: new Map([
        ['a', BOB],
        ['c', BOB],
      ]),
    },
  ],
])('%s is accepted', (_what, text, config) => {
  expect(parsed(text)).toEqual(config)
})

test.each([
  [
    'tls_server_confg: {}',
    'web.yml:1:1: unknown field "tls_server_confg" in the file (known: tls_server_config, http_server_config, basic_auth_users, rate_limit)',
  ],
  [`${TLS}  cert_filse: x`, /^web.yml:4:3: unknown field "cert_filse" in tls_server_config \(known: cert, key, /],
  ['- a', 'web.yml:1:1: the file must be a mapping'],
  ['tls_server_config: [', /^web.yml:1:21: Flow sequence in block collection/],
  ['a: 1\na: 2', /^web.yml:2:1: Map keys must be unique/],
  ['tls_server_config:\n  key_file: server.key', 'web.yml:2:3: tls_server_config requires cert_file or cert'],
  ['tls_server_config:\n  cert_file: server.crt', 'web.yml:2:3: tls_server_config requires key_file or key'],
  ['tls_server_config:\n  cert_file: nowhere\n', "web.yml:2:14: cert_file: ENOENT: no such file, open 'nowhere'"],
  [`${TLS}  cert: X`, 'web.yml:4:9: cert and cert_file are mutually exclusive'],
  [`${TLS}  client_ca_file: ca.crt`, 'web.yml:4:19: client_ca_file has no effect without client_auth_type'],
  [`${TLS}  client_auth_type: Maybe`, /^web.yml:4:21: client_auth_type must be one of NoClientCert, .*, not "Maybe"$/],
  [`${TLS}  client_allowed_sans: [a]`, /^web.yml:4:24: client_allowed_sans requires Require/],
  [`${TLS}  min_version: TLS111`, 'web.yml:4:16: min_version must be one of TLS10, TLS11, TLS12, TLS13, not "TLS111"'],
  [`${TLS}  cipher_suites: [TLS_INVENTED]`, /^web.yml:4:18: cipher_suites must be one of .*, not "TLS_INVENTED"$/],
  [`${TLS}  curve_preferences: [CurveP257]`, /^web.yml:4:22: curve_preferences must be one of .*, not "CurveP257"$/],
  [`${TLS}  prefer_server_cipher_suites: maybe`, /must be true or false, not "maybe"$/],
  ['http_server_config:\n  headers:\n    X-Other: a', /^web.yml:3:5: header must be one of .*, not "X-Other"$/],
  [
    'http_server_config:\n  headers:\n    X-Frame-Options: allow',
    /X-Frame-Options must be deny or sameorigin, not "allow"$/,
  ],
  ['http_server_config:\n  headers:\n    X-XSS-Protection: "a\\r\\nb"', /characters that are not allowed in a header/],
  ['basic_auth_users:\n  bob: secret', 'web.yml:2:3: the password of "bob" must be a bcrypt hash'],
  ['basic_auth_users: [bob]', 'web.yml:1:19: basic_auth_users must be a mapping'],
  ['basic_auth_users:\n  bob: [a]', 'web.yml:2:8: basic_auth_users must be a string'],
  ['rate_limit: {interval: soon}', 'web.yml:1:24: interval must be a duration such as 1s, not "soon"'],
  ['rate_limit: {interval: 1s, burst: -1}', 'web.yml:1:35: burst must be a whole number'],
  ['\u0085tls: {}', /^web.yml:1:1: unknown field "\\x85tls" in the file/],
])('%j is refused', (text, problem) => {
  if (typeof problem === 'string') expect(parsed(text)).toBe(problem)
  else expect(parsed(text)).toMatch(problem)
})

test('what is quoted of a long value is cut', () => {
  expect(parsed(`${TLS}  min_version: ${'x'.repeat(5_000)}`)).toMatch(
    /^web.yml:4:16: min_version .*"x{800,1000}\.\.\.$/,
  )
})

test('a file with a hundred thousand faults is refused in time', () => {
  const began = process.cpuUsage()
  expect(parsed('}'.repeat(100_000))).toMatch(/^web.yml:1:1: Unexpected flow-map-end token/)
  const { user, system } = process.cpuUsage(began)
  expect((user + system) / 1_000).toBeLessThan(5_000)
})

test.each([
  ['- ', 'web.yml:1:41'],
  [': ', 'web.yml:1:41'],
  ['[', 'web.yml:1:21'],
  ['{a: [', 'web.yml:1:51'],
])('a file of %j is refused before it can exceed the stack', (text, place) => {
  const problem = `${place}: nested more than 20 levels deep`
  expect(parsed(text.repeat(20_000))).toBe(problem)
  expect(parsed(`${text.repeat(20_000)}\nrate_limit:\n  burst: 1\n`)).toBe(problem) // a line outside of all levels
})
