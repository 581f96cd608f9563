// Retained topics across renames, with the built agent and a real mosquitto: cleared by the agent, or by mqtt-clear.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Gatewatch, gatewatch, removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { MOSQUITTO, type Mosquitto, startMosquitto } from '../rig/mosquitto.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

describeUnless(missingPrograms(...MOSQUITTO), 'retained topics after a rename', () => {
  let broker: Mosquitto
  const directories = [temporaryDirectory(), temporaryDirectory()] as const
  const [directory, other] = directories
  const agents: Gatewatch[] = []

  const start = async (
    gatewayId: string,
    more: Readonly<Record<string, string>> = {},
    where: string = directory,
    args: readonly string[] = ['--mqtt', broker.url],
  ) => {
    const agent = await startGatewatch(
      {
        busAddress: 'unix:path=/nonexistent/bus',
        services: ['a', 'b'],
        directory: where,
        args: [...args, '--gateway-id', gatewayId],
        env: { GATEWATCH_MQTT_ENABLED: 'true', GATEWATCH_MQTT_HOMEASSISTANT: 'true', ...more },
      },
      false,
    )
    agents.push(agent)
    return agent
  }
  const clear = (...args: string[]) =>
    gatewatch(
      'mqtt-clear',
      '--mqtt',
      broker.url,
      '-p',
      `${directory}/state.ring`,
      '--socket',
      `${directory}/gw.sock`,
      ...args,
    )
  const topicsOf = (gatewayId: string, prefix = 'gatewatch', discovery = 'homeassistant') => {
    const names = ['agent', 'availability', 'unit/a.service/state', 'unit/b.service/state']
    return [
      ...names.map((name) => `${prefix}/${gatewayId}/${name}`),
      `${discovery}/device/gatewatch-${gatewayId}/config`,
    ]
  }
  const untilRetained = (...topics: readonly string[]) =>
    until(async () => Object.keys(await broker.retained('#')).sort(), {
      what: `exactly ${topics}`,
      is: (found) => `${found}` === `${topics.toSorted()}`,
    })
  const tableOf = (topics: readonly string[], result: string) =>
    new RegExp(
      `^TOPIC +RESULT\n${topics
        .toSorted()
        .map((topic) => `${topic} +${result}\n`)
        .join('')}$`,
    )

  beforeAll(async () => {
    broker = await startMosquitto()
  })
  afterAll(async () => {
    for (const agent of agents) await agent.end('SIGKILL')
    await broker[Symbol.asyncDispose]()
    for (const one of directories) removeDirectory(one)
  })

  test('the agent clears those of each former name; a person lists and clears what it could not', {
    timeout: 120_000,
  }, async () => {
    const first = await start('gw-6')
    await untilRetained(...topicsOf('gw-6'))
    expect(clear('--all')).toMatchObject({
      code: 1,
      stderr:
        "gatewatch: the agent is running and uses the present names; stop it before --all: 'systemctl stop gatewatch'\n",
    })
    expect(await first.end()).toBe(0)

    const second = await start('gw-7', { GATEWATCH_MQTT_PREFIX: 'site/b', GATEWATCH_MQTT_DISCOVERY_PREFIX: 'ha' })
    const former = topicsOf('gw-7', 'site/b', 'ha')
    await untilRetained(...former)
    await until(() => second.stderr(), {
      what: 'the log line',
      is: (log) => log.includes('cleared 5 retained messages under the former names gatewatch/gw-6'),
    })
    expect(await second.end()).toBe(0)

    const withoutBroker = await start('gw-8', { GATEWATCH_MQTT_URL: 'mqtt://127.0.0.1:9' }, directory, [])
    expect(await withoutBroker.end()).toBe(0)
    const dry = clear('--dry-run')
    expect(dry).toMatchObject({ code: 0, stdout: expect.stringMatching(tableOf(former, 'would be cleared')) })
    expect(dry.stderr).toBe(`gatewatch: would clear 5 retained messages of site/b/gw-7 at ${broker.url}\n`)
    await untilRetained(...former)
    expect(clear('--all')).toMatchObject({ code: 0, stdout: expect.stringMatching(tableOf(former, 'cleared')) })
    expect(await broker.retained('#')).toEqual({})
    expect(clear().stderr).toContain('no former names are known')
  })

  test('a clone with the same gateway id keeps its topics, and mqtt-clear shows whose they are', {
    timeout: 120_000,
  }, async () => {
    const clone = await start('gw-7', {}, other)
    await untilRetained(...topicsOf('gw-7'))
    const refused = clear('--gateway-id', 'gw-7')
    expect(refused.code).toBe(1)
    expect(refused.stdout).toMatch(
      tableOf(topicsOf('gw-7'), 'left alone: not of this gateway \\(machine_id [0-9a-f]{32}\\)'),
    )
    expect(refused.stderr).toBe(`gatewatch: cleared 0 retained messages of gatewatch/gw-7 at ${broker.url}\n`)
    await untilRetained(...topicsOf('gw-7'))
    expect(await clone.end()).toBe(0)
  })

  test('without a broker or a state file, the error says so', () => {
    const none = gatewatch('mqtt-clear', '-p', `${directory}/other.ring`, '--socket', `${directory}/gw.sock`)
    expect(none).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`there is no state file ${directory}/other.ring`),
    })
    const unreachable = clear('--gateway-id', 'gw-1', '--mqtt', 'mqtt://127.0.0.1:9')
    expect(unreachable).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'gatewatch: cannot connect to mqtt://127.0.0.1:9: connection refused (nothing is listening there)\n',
    })
  })
})
