// Explains why a TCP port could not be opened, and names the program that usually uses it. Pure.

/** Default ports of Prometheus' own programs (its wiki of port allocations). */
const USUAL_PROGRAM: Readonly<Record<number, string>> = {
  9090: 'Prometheus',
  9091: 'the Pushgateway',
  9093: 'the Alertmanager',
  9100: 'node_exporter',
}

export function listenError(cause: unknown, host: string | null, port: number): Error {
  const address = host === null ? '' : ` on ${host}`
  const program = USUAL_PROGRAM[port]
  switch ((cause as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE': {
      const usual = program === undefined ? '' : ` (usually by ${program})`
      const hint = 'choose another port with prometheus_port or --prometheus-port'
      return new Error(`port ${port}${address} is already in use${usual}; ${hint}`, { cause })
    }
    case 'EACCES':
      return new Error(`permission denied for port ${port}${address} (ports below 1024 require CAP_NET_BIND_SERVICE)`, {
        cause,
      })
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new Error(`cannot listen on port ${port}: ${host} is not an address of this host`, { cause })
    default:
      return new Error(`cannot listen on port ${port}${address}: ${(cause as Error).message}`, { cause })
  }
}

/** True if the kernel has no IPv6, or no IPv6 address. */
export function hasNoIpv6(cause: unknown): boolean {
  const { code } = cause as NodeJS.ErrnoException
  return code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL'
}
