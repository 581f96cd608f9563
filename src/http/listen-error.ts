// Says in words why a port could not be had, and who usually sits on it. Pure.

/** Default ports of Prometheus' own programs (its wiki of port allocations). */
const USUALLY: Readonly<Record<number, string>> = {
  9090: 'Prometheus',
  9091: 'the Pushgateway',
  9093: 'the Alertmanager',
  9100: 'node_exporter',
}

export function tcpProblem(error: unknown, host: string | null, port: number): Error {
  const code = (error as NodeJS.ErrnoException).code
  const address = host === null ? '' : ` on ${host}`
  const usual = USUALLY[port]
  switch (code) {
    case 'EADDRINUSE':
      return new Error(
        `port ${port}${address} is taken${usual ? ` (${usual} usually sits there)` : ''}; choose another with prometheus_port or --prometheus-port`,
        { cause: error },
      )
    case 'EACCES':
      return new Error(`port ${port}${address} is not allowed to this user (below 1024 needs CAP_NET_BIND_SERVICE)`, {
        cause: error,
      })
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new Error(`${host} is no address of this host, so port ${port} cannot be served there`, { cause: error })
    default:
      return new Error(`listen on port ${port}${address}: ${(error as Error).message}`, { cause: error })
  }
}
