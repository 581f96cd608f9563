// Checks values against the schemas of the OpenAPI description; an undescribed field is an error.
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import type { Json } from '../../src/core/views/api-json.ts'
import { openApi } from '../../src/http/api/openapi.ts'

/** The schemas without additional properties. */
const closed = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(closed)
  if (typeof schema !== 'object' || schema === null) return schema
  const members = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]))
  return 'properties' in members ? { additionalProperties: false, ...members } : members
}
const ajv = new Ajv2020({ strict: false, validateFormats: false })
const description = closed(openApi('0.1.0')) as Json
ajv.addSchema(description, 'api')

function schemaAt(pointer: string): ValidateFunction {
  const found = ajv.getSchema(`api#${pointer}`)
  if (found === undefined) throw new Error(`no schema at ${pointer}`)
  return found
}
/** The errors of a value against the schema at this JSON pointer. */
export function schemaErrors(pointer: string, value: unknown): readonly unknown[] {
  const validate = schemaAt(pointer)
  return validate(value) ? [] : (validate.errors ?? [])
}
