// Which peer an address belongs to: limits are counted per peer. Pure.

/** All loopback addresses together: programs of this device, or clients behind a proxy on it. */
export const LOOPBACK = 'loopback'

/**
 * An IPv4 address is a peer, also in the form in which a dual-stack listener reports it (`::ffff:192.0.2.1`). So is an
 * IPv6 network of 64 bits, because one host can use any number of addresses in its network. Link-local addresses
 * (`fe80::`) count one by one: every host of the link has that network. `address` is as Node.js reports it.
 */
export function peerOf(address: string): string {
  const ipv4 = /^(?:::ffff:)?(\d+(?:\.\d+){3})$/.exec(address)?.[1]
  if (address === '::1' || ipv4?.startsWith('127.')) return LOOPBACK
  if (ipv4 !== undefined || !address.includes(':') || address.startsWith('fe80:')) return ipv4 ?? address
  const [start = '', end] = address.split('::')
  const groups = start === '' ? [] : start.split(':')
  const zeros = end === undefined ? 0 : 8 - groups.length - (end === '' ? 0 : end.split(':').length)
  const network = [...groups, ...Array<string>(zeros).fill('0'), ...(end ?? '').split(':')].slice(0, 4)
  return `${network.join(':')}::/64`
}
