// Target: the configuration file (config/jsonc-file, layer, merge and the types of values).
import fc from 'fast-check'
import * as v from 'valibot'
import { KEY_NAMES, rowOf, valueAt } from '../../../src/config/keys.ts'
import type { Problem } from '../../../src/config/layer.ts'
import { type LoadedConfig, loadConfig } from '../../../src/config/load.ts'
import { JSON_SIGNS, mutatedText } from '../mutated.ts'
import { assert, type FuzzTarget, isOneLine, TEXT_FILES } from '../target.ts'

const PATH = '/etc/gatewatch/config.json'
const NOTHING = { overrides: new Map(), notes: [], configFile: PATH, user: false }

function loaded(text: string): Promise<LoadedConfig> {
  return loadConfig(NOTHING, { env: {}, uid: 0, readText: () => text })
}

function checkProblem({ text }: Problem, lines: readonly string[]): void {
  assert(isOneLine(text), () => `the message is not one line: ${JSON.stringify(text)}`)
  assert(text.length <= 1_100, () => `the message has ${text.length} characters: ${text.slice(0, 200)}`)
  const [, line, column] = /^\/etc\/gatewatch\/config\.json:(\d+):(\d+): /.exec(text) ?? []
  if (line === undefined) return
  const length = [...(lines[Number(line) - 1] ?? '')].length
  assert(Number(column) >= 1 && Number(column) <= length + 1, () => `no position in the file: ${text}`)
}

/** A file with all values of this configuration. */
function written({ config }: LoadedConfig): string {
  const file: Record<string, Record<string, unknown> | unknown> = {}
  for (const key of KEY_NAMES) {
    if (rowOf(key).inFile === false) continue
    const [head = '', rest] = key.split('.')
    if (rest === undefined) file[head] = valueAt(config, key)
    else file[head] = { ...(file[head] as object | undefined), [rest]: valueAt(config, key) }
  }
  return JSON.stringify(file)
}

const names = fc.constantFrom(
  ...KEY_NAMES.flatMap((key) => key.split('.')),
  '__proto__',
  'constructor',
  'mqtt.url',
  'unknown',
  '',
)
const texts = fc.oneof(
  fc.constantFrom(
    'mosquitto.service',
    'sink@*.service',
    'mqtts://u:p@gw:8883',
    '/var/log/x',
    '[::1]:9100',
    ':9100',
    '*',
  ),
  fc.string({ maxLength: 12 }),
)
const scalars = fc.oneof(texts, fc.boolean(), fc.constant(null), fc.integer({ min: -1, max: 100_000 }), fc.double())
const values = fc.oneof(scalars, fc.array(scalars, { maxLength: 3 }), fc.dictionary(names, scalars, { maxKeys: 4 }))
const files = fc.dictionary(names, values, { maxKeys: 8 }).map((file) => JSON.stringify(file, null, 2))

const nested = fc
  .tuple(names, fc.constantFrom('[', '{"a":', '[{"a":'), fc.constantFrom(1, 100, 10_000))
  .map(([name, one, times]) => `{"${name}": ${one.repeat(times)}`)

const WORDS = [...JSON_SIGNS, '\\', '\\u0000', '//', '/*', '*/', '\n', '[['.repeat(50), '{"a":', '1e999']

export const target: FuzzTarget<string> = {
  ...TEXT_FILES,
  cpuMsAtMost: 1_000,
  inputs: (corpus) => {
    const words = [...WORDS, ...KEY_NAMES.map((key) => `"${key.split('.').at(-1)}": `)]
    return fc.oneof(
      { weight: 3, arbitrary: files },
      { weight: 1, arbitrary: nested },
      { weight: 3, arbitrary: mutatedText(corpus, words) },
      { weight: 3, arbitrary: files.chain((file) => mutatedText([file], words)) },
    )
  },
  async check(text) {
    const first = await loaded(text)
    const lines = text.replace(/^\uFEFF/, '').split('\n')
    for (const problem of first.problems) checkProblem(problem, lines)
    for (const key of KEY_NAMES) {
      const value = valueAt(first.config, key)
      assert(v.safeParse(rowOf(key).type.schema, value).success, () => `${key} is ${JSON.stringify(value)}`)
    }
    const { prometheus_port: port, max_units: units, flush_interval: flush } = first.config
    assert(port >= 0 && port <= 65_535 && units <= 10_000 && flush >= 1, () => `limits: ${port}, ${units}, ${flush}`)
    const again = await loaded(written(first))
    const [before, after] = [first, again].map(({ config }) => JSON.stringify(config))
    assert(before === after, () => `${before} is written as a file that is read as ${after}`)
  },
}
