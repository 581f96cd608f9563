// The description of the API as a measure: whether a value is as it says, down to each field.
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import type { Json } from '../../src/core/api-json.ts'
import { openApi } from '../../src/http/api/openapi.ts'

/** Its schemas, closed: a field that they do not name is found. */
const closed = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(closed)
  if (typeof schema !== 'object' || schema === null) return schema
  const inside = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]))
  return 'properties' in inside ? { additionalProperties: false, ...inside } : inside
}
const ajv = new Ajv2020({ strict: false, validateFormats: false })
const described = closed(openApi('0.1.0')) as Json
ajv.addSchema(described, 'api')

function schemaAt(pointer: string): ValidateFunction {
  const found = ajv.getSchema(`api#${pointer}`)
  if (found === undefined) throw new Error(`no schema at ${pointer}`)
  return found
}
/** What is wrong with a value, by the schema at this place of the description. */
export function schemaErrors(pointer: string, value: unknown): readonly unknown[] {
  const validate = schemaAt(pointer)
  return validate(value) ? [] : (validate.errors ?? [])
}
