// Values for the bus that carry their own type, where a signature says only `v`. Pure.

export interface Typed {
  /** A D-Bus signature of one complete type. */
  readonly typed: string
  readonly value: unknown
}

/** The value with `make` of each `Typed` that is it, or is a value of the dictionary that it is. */
export function withVariants(value: unknown, make: (signature: string, value: unknown) => unknown): unknown {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value
  if (isTyped(value)) return make(value.typed, value.value)
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withVariants(inner, make)]))
}

function isTyped(value: object): value is Typed {
  return 'typed' in value && 'value' in value
}
