// The keys of remote write: what is accepted, and what is a problem.
import { describe, expect, test } from 'vitest'
import { loadText, problemsOf } from './load-text.ts'

const AT = '/etc/gatewatch/config.json'
const of = (section: object) => JSON.stringify({ remote_write: section })

test.each([
  ['file:///etc/passwd', 'is not a URL that begins with http:// or https://'],
  ['receiver:9090', 'is not a URL that begins with http:// or https://'],
  ['https://', 'is not a URL such as https://host/path'],
  ['https://host/#part', 'has a fragment (#...), which HTTP does not send'],
])('the URL %s is a problem', async (url, problem) => {
  const [first] = await problemsOf(of({ url }))
  expect(first).toContain(`remote_write.url: ${JSON.stringify(url)} ${problem}`)
})

test('a password in the URL is a problem that does not show it', async () => {
  const [problem] = await problemsOf(of({ url: 'https://u:secret@host/' }))
  expect(problem).toContain('contains a user name or a password; use the keys username and password_file')
  expect(problem).not.toContain('secret')
})

test.each([
  [{ cert_file: '/c' }, 'remote_write.cert_file: requires remote_write.key_file as well'],
  [{ password_file: '/p' }, 'remote_write.password_file: requires remote_write.username as well'],
  [{ url: 'http://h/', ca_file: '/c' }, 'remote_write.ca_file: requires TLS; use https:// in remote_write.url'],
])('%j is a contradiction', async (section, problem) => {
  expect(await problemsOf(of(section))).toEqual([expect.stringContaining(problem)])
})

describe('labels', () => {
  test.each([
    [
      { site: 'hall-3', job: 'edge' },
      { site: 'hall-3', job: 'edge' },
    ],
    [{}, {}],
  ])('%j', async (labels, expected) => {
    const { config, problems } = await loadText(of({ labels }))
    expect([config.remote_write.labels, problems]).toEqual([expected, []])
  })

  test.each([
    [{ 'a-b': 'x' }, 'has a label that Prometheus does not accept: "a-b"'],
    [{ __name__: 'x' }, 'has a label that Prometheus does not accept: "__name__"'],
    [{ instance: '' }, 'has the label "instance" without a value'],
    [{ a: 1 }, 'is not an object of labels such as { "site": "hall-3" }'],
    [['a'], 'is not an object of labels such as { "site": "hall-3" }'],
    [Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`l${i}`, 'x'])), 'has 21 labels; the limit is 20'],
  ])('%j is a problem', async (labels, problem) => {
    expect(await problemsOf(of({ labels }))).toEqual([expect.stringContaining(problem)])
  })

  test('from the environment', async () => {
    const { config } = await loadText(null, { GATEWATCH_REMOTE_WRITE_LABELS: 'site=hall-3, path=a=b,' })
    expect(config.remote_write.labels).toEqual({ site: 'hall-3', path: 'a=b' })
  })
})

describe('selectors', () => {
  test.each(['up', '{__name__=~"systemd_.*"}', 'a:b{c="}",d!=\'\'}', ' up '])('%j', async (selector) => {
    const { config, problems } = await loadText(of({ match: [selector] }))
    expect([config.remote_write.match, problems]).toEqual([[selector.trim()], []])
  })

  test.each(['', 'a b', 'up{', '5', 'up}{'])('%j is a problem', async (selector) => {
    expect(await problemsOf(of({ match: [selector] }))).toEqual([
      expect.stringContaining('is not a selector such as up'),
    ])
  })

  test('from the environment are split at commas outside of braces', async () => {
    const { config } = await loadText(null, { GATEWATCH_REMOTE_WRITE_MATCH: 'up, a{b="},",c="d"} ,{e="f"}' })
    expect(config.remote_write.match).toEqual(['up', 'a{b="},",c="d"}', '{e="f"}'])
  })
})

test('a token is used instead of a user name, with a note', async () => {
  const { problems, notes } = await loadText(of({ username: 'u', token_file: '/t' }))
  expect([problems, notes]).toEqual([[], ['remote_write.username is ignored: remote_write.token_file is used instead']])
})

test('another name for a key leads to it', async () => {
  expect(await problemsOf(of({ external_labels: {} }))).toEqual([
    `${AT}:1:18: remote_write.external_labels: unknown key: did you mean remote_write.labels?`,
  ])
})
