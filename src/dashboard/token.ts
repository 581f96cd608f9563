// The control token, which the user enters once. Stored only in this page, until it is closed.
import { ApiError, fetchJson } from './api-client.ts'
import { byId, setText } from './dom.ts'

let token = ''

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
  const confirmed = dialog.returnValue === 'yes'
  if (confirmed && token === '') token = input.value.trim()
  input.value = ''
  return confirmed
}

/** As `fetchJson`, with the token; a wrong one is forgotten. */
export async function fetchWithToken(path: string, init: RequestInit = {}): Promise<unknown> {
  const headers = token === '' ? {} : { authorization: `Bearer ${token}` }
  try {
    return await fetchJson(path, { ...init, headers })
  } catch (error) {
    if (token !== '' && error instanceof ApiError && error.status === 401) {
      token = ''
      throw new WrongToken()
    }
    throw error
  }
}

export class WrongToken extends Error {
  override readonly message = 'Wrong token: the gateway has another one (control.token_file).'
}
