// The stream that mqtt.js uses instead of the socket: what it reads has passed the filter, in slices of one turn each.
import { Duplex } from 'node:stream'
import type { Clock } from '../../ports.ts'
import type { InboundFilter } from './inbound-filter.ts'

interface FilteredStreamOptions {
  readonly socket: Duplex
  readonly filter: InboundFilter
  readonly clock: Pick<Clock, 'after'>
  /** The connection must end, because the broker sent this. Nothing more is read. */
  readonly violation: (what: string) => void
}

export function createFilteredStream({ socket, filter, clock, violation }: FilteredStreamOptions): Duplex {
  let wanted = true
  let ended = false
  let closed = false
  /** Cancels the next turn; null while the filter needs more bytes. */
  let cancelTurn: (() => void) | null = null

  function turn(): void {
    cancelTurn?.()
    cancelTurn = null
    if (closed || !wanted) return
    const taken = filter.take()
    switch (taken.kind) {
      case 'packets':
        if (taken.bytes.length > 0) wanted = stream.push(taken.bytes)
        if (!taken.needsMore)
          cancelTurn = immediately(turn) // not at once: signals of units come first
        else if (ended) stream.push(null)
        else socket.resume()
        return
      case 'pause':
        if (ended) stream.push(null)
        else cancelTurn = clock.after(taken.ms, turn)
        return
      case 'violation':
        closed = true
        violation(taken.what)
    }
  }

  function close(): void {
    closed = true
    cancelTurn?.()
  }

  const stream = new Duplex({
    read() {
      wanted = true
      cancelTurn ??= immediately(turn)
    },
    write(chunk: Buffer, _encoding, done) {
      socket.write(chunk, done)
    },
    /** The parts of one packet leave together. */
    writev(parts, done) {
      socket.cork()
      parts.forEach(({ chunk }, i) => void socket.write(chunk, i === parts.length - 1 ? done : undefined))
      socket.uncork()
    },
    final(done) {
      socket.end(done)
    },
    destroy(error, done) {
      close()
      socket.destroy()
      done(error)
    },
  })
  socket.on('data', (chunk: Buffer) => {
    if (closed) return
    filter.add(chunk)
    turn()
    if (cancelTurn !== null || !wanted) socket.pause()
  })
  const end = () => {
    ended = true
    turn()
  }
  socket.on('end', end)
  socket.on('error', (error) => stream.destroy(error))
  socket.on('close', () => {
    // what the broker sent before it closed the connection is read first
    if (stream.readableEnded) stream.destroy()
    else stream.once('end', () => stream.destroy())
    end()
  })
  return stream
}

function immediately(call: () => void): () => void {
  const handle = setImmediate(call)
  return () => clearImmediate(handle)
}
