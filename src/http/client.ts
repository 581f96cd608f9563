// Who is at the other end of a connection, as far as the connection itself shows it.
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Asked, Side } from './route.ts'

/** By TLS, or from an address of this very host. A name in `who` is only that of a valid certificate. */
export function clientOf(socket: Socket, side: Side): Pick<Asked, 'secure' | 'who'> {
  if (side === 'socket') return { secure: true, who: null }
  if (isTls(socket)) {
    const name = socket.authorized ? socket.getPeerCertificate().subject?.CN : null
    return { secure: true, who: (Array.isArray(name) ? name[0] : name) ?? null }
  }
  return { secure: isLoopback(socket.remoteAddress ?? ''), who: null }
}

function isTls(socket: Socket): socket is TLSSocket {
  return 'encrypted' in socket && socket.encrypted === true
}

/** 127.0.0.0/8 and ::1; the former also as a dual-stack listener writes it. */
function isLoopback(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(address)
}
