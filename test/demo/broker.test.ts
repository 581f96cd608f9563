// The broker inside the demo, for machines without mosquitto: the real agent publishes, the printed command hears it.
import { spawn } from 'node:child_process'
import { expect, test } from 'vitest'
import { removeDirectory, startGatewatch } from '../rig/gatewatch.ts'
import { until } from '../rig/until.ts'
import { startEmbedded } from './broker.ts'
import { REPOSITORY } from './started.ts'

test('without mosquitto the demo brings a broker, and the command it prints hears the agent', async () => {
  await using broker = await startEmbedded()
  const subscriber = spawn('sh', ['-c', `exec ${broker.subscribe}`], { cwd: REPOSITORY, detached: true })
  let heard = ''
  for (const stream of [subscriber.stdout, subscriber.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      heard += text
    })
  const nowhere = { busAddress: 'unix:path=/nonexistent/bus', services: ['a'] }
  const agent = await startGatewatch({ ...nowhere, args: ['--gateway-id', 'demo', ...broker.args] }, false)
  try {
    await until(() => heard.includes('gatewatch/demo/availability online'), {
      what: `the agent at the broker`,
      timeoutMs: 60_000,
    })
    expect(heard).toContain('gatewatch/demo/unit/a.service/state {"schema":1,')
  } finally {
    await agent.end()
    removeDirectory(agent.directory)
    process.kill(-(subscriber.pid ?? 0))
  }
})
