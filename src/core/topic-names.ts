// The names that the topics of a gateway consist of. Pure.

/** The names in the topics of this gateway. */
export interface TopicNames {
  readonly prefix: string
  readonly gatewayId: string
  readonly discoveryPrefix: string
}

/** Names under which messages of this state file's agent are retained at the broker. */
export interface PublishedNames extends TopicNames {
  /** In use; or to be cleared; or to be cleared by a person, because the broker did not allow it to the agent. */
  readonly status: 'current' | 'former' | 'refused'
}

export function sameTopicNames(a: TopicNames, b: TopicNames): boolean {
  return a.prefix === b.prefix && a.gatewayId === b.gatewayId && a.discoveryPrefix === b.discoveryPrefix
}
