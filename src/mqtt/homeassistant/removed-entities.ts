// Makes Home Assistant remove entities, also if it was off when they were removed. A component with only its platform
// removes an entity, but only one that Home Assistant has set up since its start: of any other, an entry without a
// source stays. Such a component is therefore kept in the retained message until Home Assistant's birth message; then
// the entity is published once more, removed, and forgotten. The retained message is the only memory of this.
import type { Clock, Log } from '../../ports.ts'
import { type Entity, leastComponent } from './entities.ts'
import { uniqueIdOf } from './entity-ids.ts'

/** Home Assistant discards the rest of a message when it is still busy with a component of the one before. */
const STEP_MS = 10_000
/** For gateways whose units come and go while no Home Assistant is there. */
const AT_MOST = 300

/** `kept`: until Home Assistant is online. `removed`: Home Assistant is online and receives the removal. */
type Phase = 'kept' | 'revived' | 'removed' | 'forgotten'

const NEXT: Readonly<Record<Phase, Phase>> = {
  kept: 'kept',
  revived: 'removed',
  removed: 'forgotten',
  forgotten: 'forgotten',
}

interface RemovedEntitiesOptions {
  readonly gatewayId: string
  /** A topic on which nothing is published. */
  readonly silentTopic: string
  /** The components have changed. */
  readonly changed: () => void
  readonly clock: Clock
  readonly log: Log
}

export interface RemovedEntities {
  /** What to publish for the entities that were published on a topic and are gone, the latest last. */
  entities(topic: string, gone: ReadonlyMap<string, string>): Entity[]
  /** Home Assistant is known to be on. */
  isOnline(): boolean
  /** A message was published, and no other one waits. */
  published(): void
  /** Home Assistant has started. */
  online(): void
  /** Home Assistant has stopped, or may have: there is no connection. */
  offline(): void
}

export function createRemovedEntities(options: RemovedEntitiesOptions): RemovedEntities {
  const { gatewayId, silentTopic, changed, clock, log } = options
  /** By topic and id. */
  const phases = new Map<string, Map<string, Phase>>()
  let isOnline = false
  let isLimitLogged = false
  let cancel: (() => void) | null = null

  function setAll(next: (phase: Phase) => Phase): void {
    for (const ids of phases.values()) for (const [id, phase] of ids) ids.set(id, next(phase))
  }

  function stop(): void {
    cancel?.()
    cancel = null
  }

  function logLimit(): void {
    if (isLimitLogged) return
    isLimitLogged = true
    const limit = `at most the latest ${AT_MOST} removed entities wait for Home Assistant; earlier ones have to be deleted there`
    log('warning', `mqtt: ${limit}`)
  }

  function isMoving(): boolean {
    return [...phases.values()].some((ids) => [...ids.values()].some((phase) => NEXT[phase] !== phase))
  }

  function entity(id: string, platform: string, phase: Phase): Entity {
    const revived = phase === 'revived' ? leastComponent(platform, uniqueIdOf(gatewayId, id), silentTopic) : null
    return { id, component: revived ?? { p: platform } }
  }

  return {
    entities(topic, gone) {
      const before = phases.get(topic)
      if (gone.size > AT_MOST) logLimit()
      const latest = [...gone.keys()].slice(-AT_MOST)
      const now = new Map(latest.map((id) => [id, before?.get(id) ?? (isOnline ? 'removed' : 'kept')]))
      phases.set(topic, now)
      const shown = [...now].filter(([, phase]) => phase !== 'forgotten')
      return shown.map(([id, phase]) => entity(id, gone.get(id) ?? '', phase))
    },
    isOnline: () => isOnline,
    published() {
      if (cancel !== null || !isMoving()) return
      cancel = clock.after(STEP_MS, () => {
        cancel = null
        setAll((phase) => NEXT[phase])
        changed()
      })
    },
    online() {
      isOnline = true
      stop()
      setAll(() => 'revived')
      changed()
    },
    offline() {
      isOnline = false
      stop()
      setAll(() => 'kept')
    },
  }
}
