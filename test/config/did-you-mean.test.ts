// The suggestion for an unknown word.
import { expect, test } from 'vitest'
import { didYouMean } from '../../src/config/did-you-mean.ts'

test.each([
  ['lisen', ['listen', 'log'], 'did you mean listen?'],
  ['url', ['mqtt.url', 'debug'], 'did you mean mqtt.url?'],
  ['--portt', ['--mqtt', '--prometheus-port'], 'did you mean --prometheus-port?'],
  ['quux', ['listen'], 'the closest match is listen'],
])('%s in %j: %s', (word, known, hint) => {
  expect(didYouMean(word, known)).toBe(hint)
})
