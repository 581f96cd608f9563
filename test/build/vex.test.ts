// The VEX statement: which advisories it lists for which Node.js, and that its reasons are true of the bundle.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { ROOT } from './executable.ts'

interface Reason {
  readonly state: string
  readonly justification?: string
  readonly response?: readonly string[]
  readonly detail: string
  readonly absent?: readonly string[]
}

const { node, packages, reasons, releases } = JSON.parse(
  readFileSync(join(ROOT, 'build/package/advisories.json'), 'utf8'),
) as {
  node: Record<string, readonly [release: string, reason: string, ...lines: string[]]>
  packages: Record<string, readonly [url: string, reason: string]>
  reasons: Record<string, Reason>
  releases: Record<string, Record<string, string | null>>
}
const { nodeAdvisories, vex } = await import(join(ROOT, 'build/package/vex.mjs'))
const { sbom } = await import(join(ROOT, 'build/package/sbom.mjs'))
const idsFor = (version: string): string[] => nodeAdvisories(version).map(({ id }: { id: string }) => id)

it('lists an advisory for each Node.js that is older than its fix', () => {
  expect(idsFor('20.11.0')).toContain('CVE-2024-22019')
  expect(idsFor('20.11.1')).not.toContain('CVE-2024-22019')
  expect(idsFor('20.9.9')).toContain('CVE-2024-22019')
  expect(idsFor('24.21.0')).toContain('CVE-2026-111497')
  expect(idsFor('24.22.1')).toEqual([])
  expect(idsFor('22.23.4')).toEqual([])
})

it('lists what is never fixed in a release line past its end of life, and not what affects other lines only', () => {
  expect(idsFor('20.99.0')).toContain('CVE-2026-111497')
  expect(idsFor('20.11.0')).not.toContain('CVE-2026-105483')
  expect(idsFor('24.0.0')).not.toContain('CVE-2025-23167')
})

describe('the advisories', () => {
  it('name known releases and reasons, and each reason is used', () => {
    const used = [...Object.values(node), ...Object.values(packages)].map(([, reason]) => reason)
    expect([...new Set(used)].sort()).toEqual(Object.keys(reasons).sort())
    expect(Object.values(node).filter(([release]) => releases[release] === undefined)).toEqual([])
  })

  it('have states and justifications of CycloneDX', () => {
    const STATES = ['resolved', 'exploitable', 'in_triage', 'false_positive', 'not_affected']
    const WHY_NOT = [
      ...['code_not_present', 'code_not_reachable', 'requires_configuration', 'requires_dependency'],
      ...['requires_environment', 'protected_by_compiler', 'protected_at_runtime', 'protected_at_perimeter'],
      'protected_by_mitigating_control',
    ]
    for (const { state, justification, detail } of Object.values(reasons)) {
      expect(STATES).toContain(state)
      expect(detail).toMatch(/\.$/)
      if (state === 'not_affected') expect(WHY_NOT).toContain(justification)
      else expect(justification).toBeUndefined()
    }
  })

  it('state correctly what the bundle does not contain', async () => {
    const code = await uncompressedBundle()
    const wrong = Object.entries(reasons).flatMap(([name, { absent = [] }]) =>
      absent.filter((text) => code.includes(text)).map((text) => `${name}: ${text}`),
    )
    expect(wrong).toEqual([])
    expect(code).toContain('createHmac') // the words would be found
  })
})

it('refers to the components of the SBOM', () => {
  const embedded = {
    ...{ version: '20.11.0', versions: {}, origin: null, sha256: 'ab', supportEnds: null, endOfLifeAllowed: true },
  }
  const product = { name: 'gatewatch', version: '1.2.3', sha256: 'cd', target: 'linux-armv7', dependencies: [] }
  const bom = sbom({ product, node: embedded, packages: [], epoch: 1_700_000_000 })
  const statement = vex(bom)
  expect(vex(bom)).toBe(statement) // reproducible
  const { serialNumber, metadata } = JSON.parse(bom)
  const { vulnerabilities, ...rest } = JSON.parse(statement)
  expect(rest.metadata).toMatchObject({ timestamp: metadata.timestamp, component: metadata.component })
  const of = (id: string) => vulnerabilities.find((one: { id: string }) => one.id === id)
  const uuid = serialNumber.slice('urn:uuid:'.length)
  expect(of('CVE-2024-22019')).toEqual({
    'bom-ref': 'CVE-2024-22019',
    id: 'CVE-2024-22019',
    source: { name: 'Node.js', url: 'https://nodejs.org/en/blog/vulnerability/february-2024-security-releases' },
    analysis: {
      state: 'not_affected',
      justification: 'protected_by_mitigating_control',
      detail: expect.stringContaining('400'),
    },
    affects: [{ ref: `urn:cdx:${uuid}/1#pkg%3Ageneric%2Fnode%4020.11.0` }],
  })
  expect(of('CVE-2023-0842')).toMatchObject({
    analysis: { state: 'not_affected', justification: 'code_not_present' },
    affects: [{ ref: `urn:cdx:${uuid}/1#${encodeURIComponent(metadata.component['bom-ref'])}` }],
  })
})

/** All code of the agent and of its packages as text. The dashboard, which runs in the browser, is not part of it. */
async function uncompressedBundle(): Promise<string> {
  const { stubbedPackages } = await import(join(ROOT, 'build/bundle/stubs.mjs'))
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: ['src/main.ts'],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    mainFields: ['module', 'main'],
    minifyWhitespace: true,
    write: false,
    define: { __DASHBOARD__: 'null', __NODE__: 'null' },
    plugins: [stubbedPackages],
    logLevel: 'error',
  })
  return outputFiles[0]?.text ?? ''
}
