// A publisher in its own process, for tests that kill it: gets the broker's URL in argv and prints when it is connected.
import { until } from '../rig/until.ts'
import { startGateway } from './gateway.ts'

const gateway = startGateway({ config: { url: process.argv[2] ?? '' }, units: ['a.service'], speed: 1 })
await until(() => gateway.sink.health().connected, { what: 'a connection' })
gateway.start('a.service')
await until(() => gateway.sink.health().queued === 0, { what: 'an empty queue' })
process.stdout.write('connected\n')
