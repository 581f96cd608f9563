// The part of snappyjs that is used; the package has no types.
declare module 'snappyjs' {
  export function compress(data: Uint8Array): Uint8Array
}
