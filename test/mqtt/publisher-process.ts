// A publisher in a process of its own, for tests that kill it: told by argv where the broker is, it says when it is connected.
import { until } from '../rig/until.ts'
import { startGateway } from './gateway.ts'

const gateway = startGateway({ config: { url: process.argv[2] ?? '' }, units: ['a.service'], speed: 1 })
await until(() => gateway.sink.health().connected, { what: 'a connection' })
gateway.start('a.service')
await until(() => gateway.sink.health().queued === 0, { what: 'an empty queue' })
process.stdout.write('connected\n')
