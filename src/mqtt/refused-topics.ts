// What the broker takes no message of, though it lets us in: its access list, most often. Each is told once a connection.
import type { Log } from '../ports.ts'

export interface RefusedTopics {
  note(topic: string, why: string): void
  /** The first one since it was tried anew, in words. */
  problem(): string | null
  /** Everything refused is tried anew. */
  retry(): void
  /** Another connection: nothing is refused yet. */
  clear(): void
}

export function createRefusedTopics(log: Log): RefusedTopics {
  const told = new Set<string>()
  let problem: string | null = null
  return {
    note(topic, why) {
      if (problem !== null) return
      problem = `the broker refuses ${topic}: ${why}`
      if (!told.has(problem)) log('warning', `mqtt: ${problem}`)
      told.add(problem)
    },
    problem: () => problem,
    retry() {
      problem = null
    },
    clear() {
      problem = null
      told.clear()
    },
  }
}
