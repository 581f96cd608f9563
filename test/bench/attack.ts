// `npm run bench:attack`: attacks the agent over TCP, and prints the responses and how long a crash takes to reach its event.
import { plural } from '../../src/core/views/format.ts'
import { measureAttack } from '../rig/agent-under-attack.ts'
import { median } from '../rig/process-usage.ts'

const MALFORMED_REQUESTS = 10_000
const CRASHES_BEFORE = 30

const { responses, quietMs, elsewhereMs, attackedMs, counted, died, lost, residentMb } = await measureAttack(
  MALFORMED_REQUESTS,
  CRASHES_BEFORE,
)

console.log(
  `50 slow clients throughout; one after another (${MALFORMED_REQUESTS} malformed requests as 'garbage'), the responses:`,
)
for (const [what, codes] of Object.entries(responses)) {
  const counts = Object.entries(codes).map(([code, times]) => `${times} x ${code}`)
  console.log(`  ${what.padEnd(12)} ${counts.join(', ')}`)
}
const worst = (ms: readonly number[]) => Math.max(...ms).toFixed(0)
const line = (when: string, ms: readonly number[]) =>
  console.log(
    `  ${when.padEnd(34)} median ${median(ms).toFixed(1)} ms, worst ${worst(ms)} ms, ${plural(ms.length, 'crash', 'crashes')}`,
  )
console.log('time from a crash to its event:')
line('before the attack', quietMs)
line('while another agent is attacked', elsewhereMs)
line('while this agent is attacked', attackedMs)
console.log(
  `crashes: ${died}, counted: ${counted}, lost: ${lost}; RssAnon after the attack: ${residentMb.toFixed(1)} MB`,
)
