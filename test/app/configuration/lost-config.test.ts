// A service whose configuration file is lost: the last good one, or watching only; nothing opens that the file had closed.
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { createConfiguration } from '../../../src/app/configuration/configuration.ts'
import { createLastGoodFile, type LastGoodFile, stateDirectory } from '../../../src/app/configuration/last-good-file.ts'
import { keepLastGood, replaceLost } from '../../../src/app/configuration/lost-config.ts'
import { type Arguments, parseArguments } from '../../../src/cli/args.ts'
import { type Config, KEY_NAMES, valueAt } from '../../../src/config/keys.ts'
import { fatalProblems, type LoadedConfig, loadConfig, type StandIn } from '../../../src/config/load.ts'
import { nest } from '../../../src/config/merge.ts'
import { pathsOf, SYSTEM_PATHS } from '../../../src/config/paths.ts'
import { watchingOnly } from '../../../src/config/watching-only.ts'
import type { Env } from '../../../src/ports.ts'
import { changedValues } from '../../config/changed-values.ts'

const CONFIG_FILE = '/etc/gatewatch/config.json'
/** It closes what is open by default, and opens what is closed by default. */
const GOOD = `{
  // of this site
  "monitored_services": ["steady"],
  "prometheus_enabled": false,
  "mqtt": { "enabled": true, "url": "mqtts://u:secret@broker" },
  "statsd": { "address": "10.0.0.1" },
  "control": { "enabled": true, "token_file": "/token" }
}
`

let directory: string
let lastGood: LastGoodFile
let warnings: string[]
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gatewatch-config-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  lastGood = createLastGoodFile(directory, CONFIG_FILE, process.getuid?.() ?? 0)
  warnings = []
})

const copyAt = () => join(directory, 'last-good-config.json')

/** Starts a service once with this file; null: there is none. `error`: the code with which reading it fails. */
async function start(
  file: string | null,
  error = 'ENOENT',
  words: string[] = [],
  env: Env = {},
): Promise<LoadedConfig> {
  const readText = () => {
    if (file !== null) return file
    throw Object.assign(new Error(error), { code: error })
  }
  const context = { env, uid: 1000, readText }
  const load = (standIn?: StandIn) => loadConfig(parseArguments(words) as Arguments, context, null, standIn)
  const loaded = await replaceLost(await load(), load, lastGood)
  await keepLastGood(loaded, load, lastGood, (_level, message) => void warnings.push(message))
  return loaded
}

const opens = ({ prometheus_enabled, mqtt, statsd, control, notify }: Config) =>
  prometheus_enabled || mqtt.enabled || mqtt.commands || statsd.address !== null || control.enabled || notify.enabled

const problems = (loaded: LoadedConfig) => loaded.problems.map(({ text }) => text)

describe('a file that is lost', () => {
  test.each([
    ['is empty', '', `${CONFIG_FILE}: the file is empty; for the defaults, write {} to the file`],
    ['has zero bytes', '\0\0\0', `${CONFIG_FILE}: the file contains only zero bytes, as after a power loss; for`],
    ['is torn', GOOD.slice(0, 60), `${CONFIG_FILE}:4:3: not JSON: `],
    ['is not an object', '[]', `${CONFIG_FILE}:1:1: expected an object`],
  ])('because it %s is replaced by the last good one, which is a problem to be shown', async (_why, file, problem) => {
    const { config } = await start(GOOD)
    const loaded = await start(file)
    expect(loaded.config).toEqual(config)
    expect(problems(loaded)).toEqual([expect.stringContaining(`; using the last good configuration, ${copyAt()}`)])
    expect(problems(loaded)[0]).toMatch(problem)
    expect(fatalProblems(loaded, true)).toEqual([])
  })

  test.each(['EACCES', 'EISDIR', 'EIO'])('because of %s is replaced as well', async (code) => {
    const { config } = await start(GOOD)
    const loaded = await start(null, code)
    expect(loaded.config).toEqual(config)
    expect(problems(loaded)).toEqual([expect.stringContaining('cannot read the configuration file')])
  })

  test.each(['', GOOD.slice(0, 60), null])('without a last good one, the agent only watches: %j', async (file) => {
    const loaded = await start(file, 'EACCES', ['--prometheus-port', '9200', '--mqtt', 'mqtt://b', '--services', 'a'])
    expect(opens(loaded.config)).toBe(false)
    expect(loaded.config).toMatchObject({ monitored_services: ['a.service'], socket: SYSTEM_PATHS.socket })
    const [problem] = problems(loaded)
    expect(problem).toContain('there is no last good configuration, so gatewatch is watching only, without TCP, MQTT')
    expect(fatalProblems(loaded, true)).toEqual([])
    expect(readdirSync(directory)).toEqual([])
  })

  test('leaves no key that opens something', () => {
    const values = changedValues('/d')
    const config = watchingOnly(nest(new Map(KEY_NAMES.map((key) => [key, values[key]]))))
    const open = KEY_NAMES.filter((key) => /enabled$|commands$|address$|^import|^remote_write.url$/.test(key))
    expect(open.length).toBeGreaterThan(4)
    for (const key of open) expect([key, valueAt(config, key) || null]).toEqual([key, null])
  })

  test('is never opened by what is left of it, at whatever byte it was cut', async () => {
    for (let end = 0; end < GOOD.trimEnd().length; end++) {
      const { config, problems: found } = await start(GOOD.slice(0, end))
      expect([end, opens(config), found.length]).toEqual([end, false, 1])
    }
    await start(GOOD)
    for (let end = 0; end < GOOD.trimEnd().length; end++) {
      expect([end, (await start(GOOD.slice(0, end))).config.prometheus_enabled]).toEqual([end, false])
    }
  })

  test('because it was deleted is replaced with a warning; {} is the way back to the defaults', async () => {
    const { config } = await start(GOOD)
    const loaded = await start(null)
    expect([loaded.config, loaded.problems]).toEqual([config, []])
    expect(loaded.warnings).toEqual([
      `${CONFIG_FILE} does not exist; using the last good configuration, ${copyAt()}; for the defaults, write {} to the file`,
    ])
    const defaults = await start('{}')
    expect([defaults.warnings, defaults.config.prometheus_enabled]).toEqual([[], true])
    expect((await start(null)).config).toEqual(defaults.config)
  })

  test('and that never existed is normal', async () => {
    const loaded = await start(null)
    expect([loaded.problems, loaded.warnings, loaded.config.prometheus_enabled]).toEqual([[], [], true])
    expect(readdirSync(directory)).toEqual([])
  })

  test('and that the command line names is a problem; wrong words there still end a service', async () => {
    const loaded = await start(null, 'ENOENT', ['--config', '/nowhere'])
    expect([opens(loaded.config), problems(loaded)]).toEqual([false, [expect.stringContaining('/nowhere: ')]])
    expect(fatalProblems(await start('', 'ENOENT', ['--prometheus-port', 'x']), true)).toHaveLength(1)
  })
})

describe('the last good configuration', () => {
  test('is readable only for the agent, and written only when it changed', async () => {
    await start(GOOD)
    const first = statSync(copyAt())
    expect(first.mode & 0o777).toBe(0o600)
    expect(readFileSync(copyAt(), 'utf8')).toMatch(/^\/\/ The last version of .*\n\{\n {2}\/\/ of this site\n/)
    await start(GOOD)
    await start('')
    expect(statSync(copyAt()).ino).toBe(first.ino)
    await start('{}')
    expect(statSync(copyAt()).ino).not.toBe(first.ino)
    expect(readdirSync(directory)).toEqual(['last-good-config.json'])
  })

  test('is not a file with a problem: its bad key falls back alone', async () => {
    await start('{"debug": true}')
    const loaded = await start('{"debug": "often", "stats_interval": 5}')
    expect([loaded.config.debug, loaded.config.stats_interval, loaded.problems.length]).toEqual([false, 5, 1])
    expect((await start('')).config).toMatchObject({ debug: true, stats_interval: 60, prometheus_enabled: true })
  })

  test('is a file without problems, even if the environment has one', async () => {
    const env = { GATEWATCH_STATS_INTERVAL: 'often' }
    const { config, problems: found } = await start(GOOD, '', [], env)
    expect(found).toHaveLength(1)
    expect((await start('', '', [], env)).config).toEqual(config)
  })

  test('is used if the file began with a byte order mark', async () => {
    const { config } = await start(`\uFEFF${GOOD}`)
    expect((await start('')).config).toEqual(config)
  })

  test('is neither marked nor replaced by a file that was lost at a reload', async () => {
    await start('{"debug": true}')
    const load = (standIn?: StandIn) =>
      loadConfig(parseArguments([]) as Arguments, { env: {}, uid: 1000, readText: () => '{"de' }, null, standIn)
    await keepLastGood(await load(), load, lastGood, () => {})
    expect(await lastGood.read()).toMatchObject({ body: '{"debug": true}', outdated: false })
  })

  test('is used for watching only if a later file, which had a problem, closed what it opens', async () => {
    await start('{"monitored_services": ["steady"]}')
    await start('{"web_config_file": "/tls.yml", "colour": 1}')
    const torn = await start('{')
    expect([opens(torn.config), torn.config.monitored_services]).toEqual([false, ['steady.service']])
    expect(problems(torn)).toEqual([expect.stringContaining('may open what this file closed')])
    expect(opens((await start(null)).config)).toBe(false)
    // A good one replaces it.
    await start('{"monitored_services": ["steady"]}')
    expect(opens((await start('{')).config)).toBe(true)
  })

  test('does not exist after a first file with a problem, but what that closed stays closed when it is deleted', async () => {
    await start('{"prometheus_enabled": false, "colour": 1}')
    expect(opens((await start(null)).config)).toBe(false)
  })

  test.each([
    ['it was damaged', () => writeFileSync(copyAt(), readFileSync(copyAt()).subarray(0, -4))],
    [
      'it belongs to another file',
      () => writeFileSync(copyAt(), readFileSync(copyAt(), 'utf8').replace('/etc/', '/srv/')),
    ],
    [
      'it is a symbolic link',
      () => {
        writeFileSync(join(directory, 'planted'), readFileSync(copyAt()))
        rmSync(copyAt())
        symlinkSync('planted', copyAt())
      },
    ],
  ])('is not used if %s', async (_why, spoil) => {
    await start('{"debug": true}')
    spoil()
    const loaded = await start('')
    expect([opens(loaded.config), loaded.config.debug]).toEqual([false, false])
  })

  test('that cannot be written causes a warning', async () => {
    writeFileSync(join(directory, 'file'), '')
    lastGood = createLastGoodFile(join(directory, 'file'), CONFIG_FILE, 0)
    expect((await start(GOOD)).problems).toEqual([])
    expect(warnings).toEqual([expect.stringMatching(/^cannot keep a copy of the configuration .*E(EXIST|NOTDIR)/)])
  })

  test('is replaced although a draft of an earlier attempt is there', async () => {
    writeFileSync(`${copyAt()}.new`, 'torn')
    chmodSync(`${copyAt()}.new`, 0o644)
    await start(GOOD)
    expect(statSync(copyAt()).mode & 0o777).toBe(0o600)
  })

  test('is in the state directory, whatever persistence_file is', () => {
    expect(stateDirectory({ STATE_DIRECTORY: '/var/lib/private/gw:/b' }, SYSTEM_PATHS)).toBe('/var/lib/private/gw')
    expect(stateDirectory({}, SYSTEM_PATHS)).toBe('/var/lib/gatewatch')
    expect(stateDirectory({}, pathsOf(true, { HOME: '/home/u' }, 1000))).toBe('/home/u/.local/state/gatewatch')
  })
})

describe('a reload', () => {
  test('without a file keeps the configuration in effect, and warns until there is one', async () => {
    const configuration = createConfiguration(await start('{"prometheus_enabled": false}'), 1000)
    rmSync(copyAt())
    const gone = await start(null)
    expect(configuration.apply(gone, 2000)).toBe(false)
    expect(configuration.now().prometheus_enabled).toBe(false)
    expect(configuration.problems()).toEqual([])
    expect(configuration.warnings()).toEqual([
      `${CONFIG_FILE} does not exist; keeping the current configuration; for the defaults, write {} to the file`,
    ])
    expect(configuration.apply(await start('{}'), 3000)).toBe(true)
    expect([configuration.warnings(), configuration.now().prometheus_enabled]).toEqual([[], true])
  })

  test('without a file opens nothing while the agent only watches', async () => {
    const configuration = createConfiguration(await start(''), 1000)
    expect(configuration.apply(await start(null), 2000)).toBe(false)
    expect(opens(configuration.now())).toBe(false)
    expect(configuration.problems()).toHaveLength(1)
  })

  test('without a file applies where none has ever existed', async () => {
    const configuration = createConfiguration(await start(null), 1000)
    expect(configuration.apply(await start(null), 2000)).toBe(true)
    expect([configuration.problems(), configuration.warnings()]).toEqual([[], []])
  })
})
