// A TCP connection in memory: nothing waits for the kernel, and an input needs no port.
import { Duplex } from 'node:stream'

/** The two ends of a connection. */
export function connection(): { readonly client: Duplex; readonly server: Duplex } {
  const end = (other: () => Duplex): Duplex =>
    new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        other().push(chunk)
        done()
      },
      final(done) {
        other().push(null)
        done()
      },
      destroy(error, done) {
        other().push(null)
        done(error)
      },
    })
  const client = end(() => server)
  const server: Duplex = Object.assign(
    end(() => client),
    {
      remoteAddress: '192.0.2.7',
      bytesRead: 0,
      bytesWritten: 0,
      destroySoon: () => server.end(() => server.destroy()),
      setTimeout: () => server,
      setNoDelay: () => server,
      setKeepAlive: () => server,
    },
  )
  return { client, server }
}
