// The demo's embedded broker, for machines without mosquitto: the agent publishes, and the printed command receives it.
import { spawn } from 'node:child_process'
import { test } from 'vitest'
import { removeDirectory, startGatewatch } from '../rig/gatewatch.ts'
import { until } from '../rig/until.ts'
import { startEmbeddedBroker } from './broker.ts'
import { REPOSITORY } from './demo-process.ts'

test('without mosquitto, the demo provides a broker, and the command it prints receives the messages of the agent', async () => {
  await using broker = await startEmbeddedBroker()
  const subscriber = spawn('sh', ['-c', `exec ${broker.subscribe}`], { cwd: REPOSITORY, detached: true })
  let received = ''
  for (const stream of [subscriber.stdout, subscriber.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      received += text
    })
  const withoutBus = { busAddress: 'unix:path=/nonexistent/bus', services: ['a'] }
  const agent = await startGatewatch({ ...withoutBus, args: ['--gateway-id', 'demo', ...broker.args] }, false)
  try {
    const published = ['gatewatch/demo/availability online', 'gatewatch/demo/unit/a.service/state {"schema":1,']
    await until(() => published.filter((message) => !received.includes(message)), {
      what: 'the messages of the agent',
      is: (missing) => missing.length === 0,
      timeoutMs: 60_000,
    })
  } finally {
    await agent.end()
    removeDirectory(agent.directory)
    process.kill(-(subscriber.pid ?? 0))
  }
})
