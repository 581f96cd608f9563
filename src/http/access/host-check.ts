// Checks the Host and Origin headers against the names of this gateway, to prevent DNS rebinding. Pure.
import { isIP } from 'node:net'

/** Names that a request may use for this gateway, in lower case. */
export interface HostNames {
  /** The host's own names and the configured ones. */
  readonly all: ReadonlySet<string>
  /** Only the configured ones: pages of these origins may also send requests. */
  readonly configured: ReadonlySet<string>
}

/**
 * The accepted names; built again only when the host has another name, which DHCP may set at any time, or when
 * `allowedHosts` returns another list, as after a reload.
 */
export function createHostNames(hostname: () => string, allowedHosts: () => readonly string[]): () => HostNames {
  let name = hostname()
  let list = allowedHosts()
  let names = hostNamesOf(name, list)
  return () => {
    const currentName = hostname()
    const currentList = allowedHosts()
    if (currentName !== name || currentList !== list) {
      name = currentName
      list = currentList
      names = hostNamesOf(name, list)
    }
    return names
  }
}

function hostNamesOf(hostname: string, allowedHosts: readonly string[]): HostNames {
  const configured = new Set(allowedHosts.map((name) => name.toLowerCase()))
  return { all: new Set([...ownNames(hostname), ...configured]), configured }
}

/** The names by which other machines know this host: its hostname, the short form, and the mDNS name. */
function ownNames(hostname: string): readonly string[] {
  const whole = hostname.toLowerCase()
  const short = whole.split('.')[0] ?? whole
  return [whole, short, `${short}.local`]
}

/**
 * True for IP literals (without DNS there is no rebinding), localhost, the host's own names and the configured ones;
 * also without the header, which only HTTP/1.0 clients omit: browsers always send it. `names` are in lower case.
 */
export function isKnownHost(header: string | undefined, names: ReadonlySet<string>): boolean {
  if (header === undefined) return true
  const host = hostOf(header)
  if (host === null) return false
  return isIP(host) !== 0 || host === 'localhost' || host.endsWith('.localhost') || names.has(host)
}

/** The host in a `Host` header without its port, in lower case; null if the header is malformed. */
function hostOf(header: string): string | null {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^[\]:/@\s]+))(?::\d{1,5})?$/i.exec(header)
  return match === null ? null : (match[1] ?? match[2] ?? '').toLowerCase().replace(/\.$/, '')
}

/**
 * True without an Origin (not a cross-origin request), for a page of this server, and for a page of a configured name:
 * with a reverse proxy, Host and Origin may differ. `configured` is in lower case.
 */
export function isKnownOrigin(
  origin: string | undefined,
  host: string | undefined,
  configured: ReadonlySet<string>,
): boolean {
  if (origin === undefined) return true
  if (!URL.canParse(origin)) return false
  const page = new URL(origin)
  return page.host !== '' && (page.host === host?.toLowerCase() || configured.has(page.hostname))
}
