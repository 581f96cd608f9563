// Marshals calls and unmarshals bodies with dbus-next (pinned at 0.10.2): the only file that imports it. Its connection and its
// message bus are not used: they do not report the end of a connection, and leave calls without a reply waiting forever.
import type { Body, Call } from './bus.ts'
import { type MessageHeader, SIGNAL } from './message-header.ts'
import { plainBody, plainCall } from './plain-messages.ts'
import { withVariants } from './variants.ts'

const NO_AUTO_START = 2

export interface Marshaller {
  /** The message of a call. Throws if the call is not valid. */
  call(call: Call, serial: number): Buffer
  /** The values of a message, of which it keeps no bytes. Throws if the message is not valid. */
  body(header: MessageHeader, message: Buffer): Body
}

/** Loads dbus-next on first use, to save memory. */
export async function loadMarshaller(): Promise<Marshaller> {
  const { marshallMessage, messageToJsFmt } = (await import('dbus-next/lib/marshall-compat.js')).default
  const { Message } = (await import('dbus-next/lib/message-type.js')).default
  const DBusBuffer = (await import('dbus-next/lib/dbus-buffer.js')).default
  const { Variant } = (await import('dbus-next/lib/variant.js')).default
  return {
    call(call, serial) {
      const { path, member, destination, signature = '', body = [], autoStart = false } = call
      const flags = autoStart ? 0 : NO_AUTO_START
      const plain = plainCall(call, serial, flags)
      if (plain !== null) return plain
      const typed = body.map((one) => withVariants(one, (type, value) => new Variant(type, value)))
      const fields = { serial, path, interface: call.interface, member, destination, signature, body: typed }
      return marshallMessage(new Message({ ...fields, flags }))[0]
    },
    body(header, message) {
      const plain = plainBody(header, message)
      if (plain !== null) return plain
      const { type, path, interface: face, member, signature } = header
      if (type === SIGNAL) new Message({ type, path: path || undefined, interface: face || undefined, member }) // checks them
      // dbus-next would loop forever on an array of empty structs; a real bus daemon rejects them.
      if (/\(\)|\{\}/.test(signature)) throw new Error('a message contains an empty struct')
      const bytes = Buffer.from(message.subarray(header.bodyAt))
      return messageToJsFmt({ signature, body: new DBusBuffer(bytes, 0, message[0]).read(signature) }).body
    },
  }
}
