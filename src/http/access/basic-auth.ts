// Basic auth with bcrypt: results are cached, and passwords are checked one at a time without blocking the event loop.
import { createHmac, randomBytes } from 'node:crypto'
import { type HttpResponse, problem } from '../route.ts'

/** Results that are cached, for wrong passwords as well. */
const CACHED_AT_MOST = 256
/** A check takes 0.1 s to several seconds, depending on the hash's cost; requests beyond this queue must be retried. */
const WAITING_AT_MOST = 16
/** Compared for unknown users, so that they take as long as known ones. Has the usual cost. */
const DUMMY_HASH = '$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi'

const UNAUTHORIZED = problem(401, 'unauthorized', 'a valid user name and password are required', {
  'www-authenticate': 'Basic realm="gatewatch", charset="UTF-8"',
})
const BUSY = problem(503, 'busy', 'too many passwords are being checked; retry later', { 'retry-after': '5' })

interface BasicAuth {
  /** Null if the credentials are right, else the error response. */
  refusal(header: string | undefined, users: ReadonlyMap<string, string>): Promise<HttpResponse | null>
}

/** `compare` is bcrypt's; it must yield to the event loop while it computes. */
export function createBasicAuth(compare: (password: string, hash: string) => Promise<boolean>): BasicAuth {
  const secret = randomBytes(32)
  const cache = new Map<string, boolean>()
  let waiting = 0
  let last: Promise<unknown> = Promise.resolve()

  const check = (password: string, hash: string): Promise<boolean> => {
    const next = last.then(() => compare(password, hash))
    last = next.catch(() => {})
    return next
  }
  return {
    async refusal(header, users) {
      const sent = credentialsIn(header)
      if (sent === null) return UNAUTHORIZED
      const hash = users.get(sent.user) ?? DUMMY_HASH
      const key = createHmac('sha256', secret).update(`${sent.user}\0${hash}\0${sent.password}`).digest('base64')
      let correct = cache.get(key)
      if (correct === undefined) {
        if (waiting >= WAITING_AT_MOST) return BUSY
        waiting += 1
        try {
          correct = (await check(sent.password, hash)) && users.has(sent.user)
        } finally {
          waiting -= 1
        }
        const oldestWrong = cache.size >= CACHED_AT_MOST ? [...cache].find(([, was]) => !was)?.[0] : undefined
        if (oldestWrong !== undefined) cache.delete(oldestWrong)
        if (cache.size < CACHED_AT_MOST) cache.set(key, correct)
      }
      return correct ? null : UNAUTHORIZED
    },
  }
}

/** The user and the password in an Authorization header (RFC 7617); null if it has none. */
function credentialsIn(header: string | undefined): { readonly user: string; readonly password: string } | null {
  const encoded = /^basic ([A-Za-z0-9+/]+=*)$/i.exec(header ?? '')?.[1]
  if (encoded === undefined) return null
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? null : { user: text.slice(0, colon), password: text.slice(colon + 1) }
}
