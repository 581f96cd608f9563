// Types of the only files of dbus-next 0.10.2 that are used; the package has none for them.
declare module 'dbus-next/lib/marshall-compat.js' {
  const library: {
    /** Changes the message. The second value is its file descriptors. */
    marshallMessage(message: object): [bytes: Buffer, fds: unknown[]]
    /** Changes and returns the message: its values are plain ones and variants. */
    messageToJsFmt(message: { signature: string; body: unknown[] }): { readonly body: unknown[] }
  }
  // biome-ignore lint/style/noDefaultExport: CommonJS
  export default library
}

declare module 'dbus-next/lib/message-type.js' {
  const library: {
    /** Throws if a name or the path is not valid. */
    readonly Message: new (
      fields: Readonly<Record<string, unknown>>,
    ) => object
  }
  // biome-ignore lint/style/noDefaultExport: CommonJS
  export default library
}

declare module 'dbus-next/lib/dbus-buffer.js' {
  /** `start` counts for the alignment; `endian` is the first byte of the message. */
  const library: new (
    bytes: Buffer,
    start: number,
    endian: number | undefined,
  ) => { read(signature: string): unknown[] }
  // biome-ignore lint/style/noDefaultExport: CommonJS
  export default library
}

declare module 'dbus-next/lib/variant.js' {
  const library: { readonly Variant: new (signature: string, value: unknown) => object }
  // biome-ignore lint/style/noDefaultExport: CommonJS
  export default library
}
