// gatewatch-centre: subscribes to a central broker and exports the retained states of gateways behind NAT to Prometheus.
//
//   node gatewatch-centre.cjs --mqtt mqtts://broker:8883 --listen 127.0.0.1:9130 [--prefix gatewatch] [--ca FILE]
//   [--username NAME --password-file FILE]
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { parseArgs } from 'node:util'
import { connect } from 'mqtt'
import { CONTENT_TYPES, exposition } from '../../src/metrics/exposition.ts'
import { FAMILIES } from './families.ts'
import { createGateways } from './gateways.ts'

const { values } = parseArgs({
  options: {
    mqtt: { type: 'string', default: 'mqtt://127.0.0.1:1883' },
    listen: { type: 'string', default: '127.0.0.1:9130' },
    prefix: { type: 'string', default: 'gatewatch' },
    username: { type: 'string' },
    'password-file': { type: 'string' },
    ca: { type: 'string' },
  },
})
const { mqtt: url, listen, prefix, username, 'password-file': passwordFile, ca } = values
const gateways = createGateways(prefix)
const say = (text: string) => void process.stderr.write(`${text}\n`)

const client = connect(url, {
  protocolVersion: 5,
  connectTimeout: 10_000,
  ...(username === undefined ? {} : { username }),
  ...(passwordFile === undefined ? {} : { password: readFileSync(passwordFile, 'utf8').trim() }),
  ...(ca === undefined ? {} : { ca: readFileSync(ca) }),
  resubscribe: false,
  reconnectOnConnackError: true,
})
client.on('connect', () => {
  gateways.forget()
  say(`connected to ${url}`)
  const topics = ['+/availability', '+/bridge', '+/unit/+/state'].map((topic) => `${prefix}/${topic}`)
  client.subscribe(topics, { qos: 1 }, (error) => error && say(`cannot subscribe: ${error.message}`))
})
client.on('message', (topic, payload) => gateways.take(topic, payload.toString()))
client.on('close', () => say(`connection to ${url} closed`))
client.on('error', (error) => say(`mqtt: ${error.message}`))

const server = createServer((request, response) => {
  if (request.url !== '/metrics') return void response.writeHead(404).end()
  // Without the broker the states are outdated: a failed scrape makes that visible.
  if (!client.connected) return void response.writeHead(503).end('not connected to the MQTT broker\n')
  exposition(FAMILIES, gateways, 'text').then(
    (text) => response.setHeader('content-type', CONTENT_TYPES.text).end(text),
    () => response.destroy(),
  )
})
const [, host = '127.0.0.1', port = '9130'] = /^(.*):(\d+)$/.exec(listen) ?? []
server.listen(Number(port), host.replace(/^\[|\]$/g, ''), () => say(`metrics at http://${listen}/metrics`))
server.on('error', (error) => {
  say(`cannot listen on ${listen}: ${error.message}`)
  process.exit(1)
})
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(0))
