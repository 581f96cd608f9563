// Explains a unit or an event with what the journal still has of the crash, which is read only now. Pure but for `fromJournal`.
import type { CrashEvent } from '../event.ts'
import type { Identity, Json } from '../views/api-json.ts'
import type { Evidence } from './evidence.ts'
import { explain, explanationJson } from './explanation.ts'
import type { ExplanationInput } from './explanation-input.ts'
import { mergeEvidence } from './merge-evidence.ts'

/** The last log lines of the run, null if they may not or cannot be read; and evidence that the event does not have. */
export type FromJournal = (
  crash: CrashEvent,
) => Promise<{ readonly log: readonly string[] | null; readonly evidence: Evidence }>

export async function explainFully(
  input: ExplanationInput,
  identity: Identity,
  fromJournal: FromJournal,
): Promise<Json> {
  const explanation = explain(input, identity)
  const crash = explanation.event
  if (crash?.kind !== 'crash') return explanationJson(explanation, identity, null)
  const { log, evidence } = await fromJournal(crash)
  if (Object.keys(evidence).length === 0) return explanationJson(explanation, identity, log)
  const history = mergeEvidence(input.history, new Map([[crash.seq, evidence]]))
  const event = input.event && (history.find(({ seq }) => seq === input.event?.seq) ?? input.event)
  return explanationJson(explain({ ...input, history, event }, identity), identity, log)
}
