// Basic auth with bcrypt: results are cached, so that a known password does not wait for the check of an unknown one.
import { createHmac, randomBytes } from 'node:crypto'
import { type HttpResponse, problem } from '../route.ts'
import { createPasswordChecks, type PasswordClient } from './password-checks.ts'

/** Wrong passwords that are remembered. */
const WRONG_AT_MOST = 256
/** Salt and hash that are compared for unknown users. */
const DUMMY = 'QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi'

const UNAUTHORIZED = problem(401, 'unauthorized', 'a valid user name and password are required', {
  'www-authenticate': 'Basic realm="gatewatch", charset="UTF-8"',
})
const RETRY = { 'retry-after': '5' }
const BUSY = problem(503, 'busy', 'too many passwords are being checked; retry later', RETRY)
const PEER_LIMIT = problem(429, 'busy', 'too many passwords from this address are being checked; retry later', RETRY)

interface BasicAuth {
  /** Null if the credentials are right, else the error response. */
  refusal(
    header: string | undefined,
    users: ReadonlyMap<string, string>,
    client: PasswordClient,
  ): Promise<HttpResponse | null>
}

/** `compare` is bcrypt's; it must yield to the event loop while it computes. */
export function createBasicAuth(compare: (password: string, hash: string) => Promise<boolean>): BasicAuth {
  const secret = randomBytes(32)
  const checks = createPasswordChecks()
  /** Keyed digests of what was checked: the right one of each user, and the latest wrong ones. */
  const right = new Map<string, string>()
  const wrong = new Set<string>()

  function rememberRight(user: string, key: string, users: ReadonlyMap<string, string>): void {
    right.set(user, key)
    for (const known of right.keys()) if (!users.has(known)) right.delete(known)
  }

  function rememberWrong(key: string): void {
    const [oldest] = wrong
    if (oldest !== undefined && wrong.size >= WRONG_AT_MOST) wrong.delete(oldest)
    wrong.add(key)
  }

  return {
    async refusal(header, users, client) {
      const sent = credentialsIn(header)
      if (sent === null) return UNAUTHORIZED
      const hash = users.get(sent.user) ?? dummyHashFor(users)
      const key = createHmac('sha256', secret).update(`${sent.user}\0${hash}\0${sent.password}`).digest('base64')
      if (right.get(sent.user) === key) return null
      if (wrong.has(key)) return UNAUTHORIZED
      const outcome = await checks.check(key, client, () => compare(sent.password, hash))
      if (outcome === 'peer_limit') return PEER_LIMIT
      if (outcome === 'busy' || outcome === 'gone') return BUSY
      if (outcome && users.has(sent.user)) {
        rememberRight(sent.user, key, users)
        return null
      }
      rememberWrong(key)
      return UNAUTHORIZED
    },
  }
}

/** Costs as much to compare as the most expensive hash of a user, so that the time does not reveal who is a user. */
function dummyHashFor(users: ReadonlyMap<string, string>): string {
  const costs = [...users.values()].map((hash) => hash.split('$')[2] ?? '')
  return `$2y$${costs.sort().at(-1)}$${DUMMY}`
}

/** The user and the password in an Authorization header (RFC 7617); null if it has none. */
function credentialsIn(header: string | undefined): { readonly user: string; readonly password: string } | null {
  const encoded = /^basic ([A-Za-z0-9+/]+=*)$/i.exec(header ?? '')?.[1]
  if (encoded === undefined) return null
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? null : { user: text.slice(0, colon), password: text.slice(colon + 1) }
}
