// Passwords by bcrypt: computed once for each that is tried, one at a time, a few milliseconds at a stretch.
import { createHmac, randomBytes } from 'node:crypto'
import { type HttpResponse, problem } from '../route.ts'

/** What was found out of a password stays known; a wrong one as well as the right one. */
const KNOWN_AT_MOST = 256
/** One takes 0.1 s to some seconds, as its cost says; whoever comes beyond these comes again. */
const WAITING_AT_MOST = 16
/** Of nobody's password: an unknown user must take as long as a known one. Its cost is the usual one. */
const NOBODY = '$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi'

export interface BasicAuth {
  /** Null where this user may ask, else the refusal. */
  refusal(header: string | undefined, users: ReadonlyMap<string, string>): Promise<HttpResponse | null>
}

/** `compare` is bcrypt's, and gives way to others meanwhile. */
export function basicAuth(compare: (password: string, hash: string) => Promise<boolean>): BasicAuth {
  const secret = randomBytes(32)
  const known = new Map<string, boolean>()
  let waiting = 0
  let last: Promise<unknown> = Promise.resolve()

  const check = (password: string, hash: string): Promise<boolean> => {
    const next = last.then(() => compare(password, hash))
    last = next.catch(() => {})
    return next
  }
  return {
    async refusal(header, users) {
      const given = credentials(header)
      if (given === null) return UNAUTHORIZED
      const hash = users.get(given.user) ?? NOBODY
      const key = createHmac('sha256', secret).update(`${given.user}\0${hash}\0${given.password}`).digest('base64')
      let right = known.get(key)
      if (right === undefined) {
        if (waiting >= WAITING_AT_MOST) return BUSY
        waiting += 1
        try {
          right = (await check(given.password, hash)) && users.has(given.user)
        } finally {
          waiting -= 1
        }
        const oldest = known.size >= KNOWN_AT_MOST ? [...known].find(([, was]) => !was)?.[0] : undefined
        if (oldest !== undefined) known.delete(oldest)
        if (known.size < KNOWN_AT_MOST) known.set(key, right)
      }
      return right ? null : UNAUTHORIZED
    },
  }
}

const UNAUTHORIZED = problem(401, 'unauthorized', 'a user and a password are needed', {
  'www-authenticate': 'Basic realm="gatewatch", charset="UTF-8"',
})
const BUSY = problem(503, 'busy', 'too many passwords are being checked', { 'retry-after': '5' })

/** RFC 7617. */
function credentials(header: string | undefined): { readonly user: string; readonly password: string } | null {
  const encoded = /^basic ([A-Za-z0-9+/]+=*)$/i.exec(header ?? '')?.[1]
  if (encoded === undefined) return null
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? null : { user: text.slice(0, colon), password: text.slice(colon + 1) }
}
