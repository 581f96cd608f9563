// The suggestion for an unknown word.
import { expect, test } from 'vitest'
import { didYouMean } from '../../src/config/did-you-mean.ts'

test.each([
  ['lisen', ['listen', 'log'], ': did you mean listen?'],
  ['hlep', ['help', 'status'], ': did you mean help?'],
  ['url', ['mqtt.url', 'debug'], ': did you mean mqtt.url?'],
  ['mqtt.password', ['mqtt.password_file', 'mqtt.username'], ': did you mean mqtt.password_file?'],
  ['--portt', ['--mqtt', '--prometheus-port'], ': did you mean --prometheus-port?'],
  ['--port', ['--no-import', '--prometheus-port'], ': did you mean --prometheus-port?'],
  ['quux', ['listen'], ''],
  ['nix', ['bus', 'debug'], ''],
  ['-x', ['-l'], ''],
  ['--', ['--no-import'], ''],
  ['x', [], ''],
])('%s in %j: %s', (word, known, hint) => {
  expect(didYouMean(word, known)).toBe(hint)
})

test('the name that another program uses has a suggestion of its own', () => {
  const otherNames = new Map([['mqtt.host', 'mqtt.url']])
  expect(didYouMean('mqtt.host', ['mqtt.url'])).toBe('')
  expect(didYouMean('mqtt.host', ['mqtt.url', 'mqtt.qos'], otherNames)).toBe(': did you mean mqtt.url?')
})
