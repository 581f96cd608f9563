// A process that attacks the agent over HTTP: `http-process.ts KIND URL AMOUNT`. Prints the responses as JSON.
import { expensiveExpressions, manyScrapers, slowClients, unknownUsers, webSockets } from './costly-requests.ts'
import { malformedRequests } from './malformed-requests.ts'
import { ADDRESSES } from './network.ts'

const [kind = '', url = '', amount = ''] = process.argv.slice(2)
const { hostname: host, port } = new URL(url)
const server = { host, port: Number(port) }

const costly = { expensiveExpressions, unknownUsers, slowClients, manyScrapers, webSockets }[kind]
const responses = costly
  ? await costly(server, Number(amount), ADDRESSES)
  : await malformedRequests(server, Number(amount))
console.log(JSON.stringify(responses))
process.exit(0)
