// Prints how the agent stands an attack by TCP, and how long a crash takes to its event meanwhile: `npm run bench:attack`.
import { attacked, median } from '../rig/attacked.ts'

const GARBAGE = 10_000
const QUIET = 30

const { answers, quietMs, elsewhereMs, attackedMs, counted, died, lost, residentMb } = await attacked(GARBAGE, QUIET)

console.log(`50 slow clients all the time, and in turn, ${GARBAGE} of garbage:`)
for (const [what, codes] of Object.entries(answers)) {
  const said = Object.entries(codes).map(([code, times]) => `${times} x ${code}`)
  console.log(`  ${what.padEnd(12)} ${said.join(', ')}`)
}
const worst = (ms: readonly number[]) => Math.max(...ms).toFixed(0)
const line = (when: string, ms: readonly number[]) =>
  console.log(`  ${when.padEnd(34)} median ${median(ms).toFixed(1)} ms, worst ${worst(ms)} ms, of ${ms.length}`)
console.log('from a crash to its event:')
line('in quiet', quietMs)
line('while another agent is attacked', elsewhereMs)
line('while this one is', attackedMs)
console.log(
  `crashes counted: ${counted}, really: ${died}, lost: ${lost}; RssAnon afterwards: ${residentMb.toFixed(1)} MB`,
)
