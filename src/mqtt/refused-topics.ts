// Tracks the topics that the broker refuses on an accepted connection, usually by its ACL; logs each once.
import type { Log } from '../ports.ts'

export interface RefusedTopics {
  note(topic: string, why: string): void
  /** The first refusal since the last retry; null when there was none. */
  problem(): string | null
  /** Everything refused is tried again. */
  retry(): void
  /** A new connection, on which nothing is refused yet. */
  clear(): void
}

export function createRefusedTopics(log: Log): RefusedTopics {
  const logged = new Set<string>()
  let problem: string | null = null
  return {
    note(topic, why) {
      if (problem !== null) return
      problem = `the broker refuses ${topic}: ${why}`
      if (!logged.has(problem)) log('warning', `mqtt: ${problem}`)
      logged.add(problem)
    },
    problem: () => problem,
    retry() {
      problem = null
    },
    clear() {
      problem = null
      logged.clear()
    },
  }
}
