// Converts between dbus-next's values and plain ones: without variants, 64-bit integers as numbers if that is exact. Pure.

/** A variant as dbus-next returns it, recognised by its shape. */
interface Variant {
  readonly signature: string
  readonly value: unknown
}

/** Opens variants at any depth: struct and array -> array, `a{..}` -> object, `ay` -> Buffer, `x` and `t` -> number or bigint. */
export function plain(value: unknown): unknown {
  switch (typeof value) {
    case 'bigint':
      return Number.isSafeInteger(Number(value)) ? Number(value) : value
    case 'object':
      if (value === null || Buffer.isBuffer(value)) return value
      if (Array.isArray(value)) return value.map(plain)
      if (isVariant(value)) return plain(value.value)
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
    default:
      return value
  }
}

function isVariant(value: object): value is Variant {
  return 'signature' in value && 'value' in value && Object.getPrototypeOf(value) !== Object.prototype
}

interface TypedValue {
  /** A D-Bus signature of one complete type. */
  readonly typed: string
  readonly value: unknown
}

/** Replaces a `TypedValue`, or each one in a dictionary, by the variant that `make` returns. */
export function withVariants(value: unknown, make: (signature: string, value: unknown) => unknown): unknown {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value
  if (isTyped(value)) return make(value.typed, value.value)
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withVariants(inner, make)]))
}

function isTyped(value: object): value is TypedValue {
  return 'typed' in value && 'value' in value
}
