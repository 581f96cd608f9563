// The hint at the nearest known word.
import { expect, test } from 'vitest'
import { didYouMean } from '../../src/config/did-you-mean.ts'

test.each([
  ['lisen', ['listen', 'log'], 'did you mean listen?'],
  ['url', ['mqtt.url', 'debug'], 'did you mean mqtt.url?'],
  ['--portt', ['--mqtt', '--prometheus-port'], 'did you mean --prometheus-port?'],
  ['quux', ['listen'], 'the nearest known one is listen'],
])('%s', (word, known, hint) => {
  expect(didYouMean(word, known)).toBe(hint)
})
