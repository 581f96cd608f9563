// The addresses of the simulated gateways.

/** The loopback address of a gateway: 127.1.0.1, 127.1.0.2, ... */
export function addressOf(number: number): string {
  return `127.1.${Math.floor(number / 250)}.${(number % 250) + 1}`
}
