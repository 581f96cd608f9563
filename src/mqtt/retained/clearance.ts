// Clears what is retained under one set of names, as far as it is ours and no longer in use.
import type { TopicNames } from '../../core/topic-names.ts'
import { SERVICE_FILTERS } from '../thinedge/payload.ts'
import type { RetainedAccess } from './access.ts'
import { ownershipOf, type Publisher, retainedTopics, showsPublisher } from './topics.ts'

export interface ClearanceOptions {
  readonly names: TopicNames
  /** What is retained under these is left alone. */
  readonly inUse: readonly TopicNames[]
  readonly us: Publisher
  /** Only find what would be cleared. */
  readonly dryRun: boolean
}

export interface ClearanceResult {
  /** The topics that are ours. */
  readonly ours: readonly string[]
  /** Those of them that the broker kept, and filters that it does not let us read, and why. */
  readonly kept: ReadonlyMap<string, string>
  /** Topics that are not ours, or of which this is not known. */
  readonly others: readonly string[]
  /** Who published the others; null if that is unknown. */
  readonly other: Partial<Publisher> | null
}

/** Null if the broker did not respond. */
export async function clearRetained(
  access: RetainedAccess,
  options: ClearanceOptions,
): Promise<ClearanceResult | null> {
  const { names, inUse, us, dryRun } = options
  const topics = retainedTopics(names)
  const used = new Set(inUse.flatMap((one) => retainedTopics(one).filters))
  const filters = topics.filters.filter((filter) => !used.has(filter))
  const digest = (topic: string, payload: string) => (showsPublisher(topics, topic) ? payload : '')
  const { found, denied, complete } = await access.read(filters, digest)
  if (!complete) return null
  // Most brokers have no thin-edge.io, and need not allow its topics.
  const missed = denied.filter((filter) => !SERVICE_FILTERS.includes(filter))
  const unread = missed.map((filter) => [filter, 'cannot be read: subscription denied'] as const)
  const { ours, others, other } = ownershipOf(topics, found, us)
  const kept = dryRun || ours.length === 0 ? [] : await access.clear(ours)
  return { ours, kept: new Map([...unread, ...kept]), others, other }
}
