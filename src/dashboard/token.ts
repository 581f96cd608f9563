// What the user may see and do: the control token, which is entered once and stored only in this page until it is closed.
import { ApiError, fetchJson } from './api-client.ts'
import { byId, setText } from './dom.ts'

let token = ''
/** Why the gateway refuses what is only for clients that have authenticated; null while it does not. */
let refusal: ApiError | null = null

interface Question {
  readonly title: string
  /** What the main button does. */
  readonly action: string
}

/** Asks for confirmation and, if it is not known yet, for the token. Resolves to false if the user cancels. */
export async function confirmWithToken({ title, action }: Question, problem = ''): Promise<boolean> {
  const dialog = byId<HTMLDialogElement>('ask')
  const input = byId<HTMLInputElement>('token')
  input.value = ''
  input.required = token === ''
  byId('ask-token').hidden = token !== ''
  setText(byId('ask-title'), title)
  setText(byId('ask-text'), problem)
  byId('ask-text').hidden = problem === ''
  setText(byId('ask-main'), action)
  dialog.returnValue = ''
  dialog.showModal()
  await new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }))
  const isConfirmed = dialog.returnValue === 'yes'
  if (isConfirmed && token === '') token = input.value.trim()
  input.value = ''
  return isConfirmed
}

/** As `fetchJson`, with the token; a wrong one is forgotten. */
export async function fetchWithToken(path: string, init: RequestInit = {}): Promise<unknown> {
  const headers = token === '' ? {} : { authorization: `Bearer ${token}` }
  try {
    return await fetchJson(path, { ...init, headers })
  } catch (error) {
    if (token === '' || !(error instanceof ApiError) || error.status !== 401) throw error
    token = ''
    throw new WrongToken()
  }
}

export class WrongToken extends Error {
  override readonly message = 'Wrong token: the gateway has another one (control.token_file).'
}

/**
 * Reads what is only for clients that have authenticated: by password or certificate, to which the browser sees, or else by
 * the token. Once the gateway has refused it, it is not requested again without a token.
 */
export async function fetchProtected(path: string): Promise<unknown> {
  if (refusal !== null && (refusal.status !== 401 || token === '')) throw refusal
  try {
    return await (refusal === null ? fetchJson(path) : fetchWithToken(path))
  } catch (error) {
    if (refusal !== null || !(error instanceof ApiError) || (error.status !== 401 && error.status !== 403)) throw error
    refusal = error
    return fetchProtected(path)
  }
}

/** Reads what clients that have authenticated receive more of. */
export function fetchBestOf(path: string): Promise<unknown> {
  return refusal?.status === 401 ? fetchWithToken(path) : fetchJson(path)
}
