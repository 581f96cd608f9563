// The pieces of which the JSON Schemas of the API are built.
import type { Json } from '../../core/views/api-json.ts'

export const text: Json = { type: 'string' }
export const count: Json = { type: 'integer', minimum: 0 }
export const flag: Json = { type: 'boolean' }
export const ratio: Json = { type: 'number', minimum: 0 }
export const time: Json = { type: 'string', format: 'date-time', description: 'UTC, with milliseconds' }
export const orNull = (schema: Json): Json => ({ anyOf: [schema, { type: 'null' }] })
export const list = (items: Json): Json => ({ type: 'array', items })
export const oneOf = (...values: readonly string[]): Json => ({ type: 'string', enum: values })
export const mapOf = (values: Json): Json => ({ type: 'object', additionalProperties: values })
export const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` })

/** An object with these fields; a name that ends in `?` is optional. */
export function object(fields: Readonly<Record<string, Json>>, description?: string): Json {
  const names = Object.keys(fields)
  return {
    type: 'object',
    ...(description === undefined ? {} : { description }),
    required: names.filter((name) => !name.endsWith('?')),
    properties: Object.fromEntries(names.map((name) => [name.replace(/\?$/, ''), fields[name]])),
  }
}
