// The VEX statement of an executable, in CycloneDX 1.5: whether it is affected by the known advisories for what it contains, and why.
import { readFileSync } from 'node:fs'
import { serialNumber } from './sbom.mjs'

const {
  as_of: asOf,
  scope,
  releases,
  node,
  packages,
  reasons,
} = JSON.parse(readFileSync(new URL('advisories.json', import.meta.url), 'utf8'))
const RELEASES = 'https://nodejs.org/en/blog/vulnerability'

/** `sbom`: the text of the executable's SBOM, to whose components the statements refer. */
export function vex(sbom) {
  const { serialNumber: serial, version, metadata, components } = JSON.parse(sbom)
  const refTo = (component) =>
    `urn:cdx:${serial.replace('urn:uuid:', '')}/${version}#${encodeURIComponent(component['bom-ref'])}`
  const nodeComponent = components.find(({ name }) => name === 'node')
  const body = {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: {
      ...metadata,
      properties: [
        { name: 'gatewatch:advisories_as_of', value: asOf },
        { name: 'gatewatch:advisories_scope', value: scope },
      ],
    },
    vulnerabilities: [
      ...nodeAdvisories(nodeComponent.version).map(({ id, release, reason }) =>
        statement({
          id,
          source: { name: 'Node.js', url: `${RELEASES}/${release}` },
          reason,
          ref: refTo(nodeComponent),
        }),
      ),
      ...Object.entries(packages).map(([id, [url, reason]]) =>
        statement({ id, source: { name: 'GitHub', url }, reason, ref: refTo(metadata.component) }),
      ),
    ],
  }
  return `${JSON.stringify({ serialNumber: serialNumber(JSON.stringify(body)), ...body }, null, 2)}\n`
}

/** The advisories that a version of Node.js has and that are not fixed in it: `{ id, release, reason }`. */
export function nodeAdvisories(version) {
  const line = version.split('.')[0]
  return Object.entries(node)
    .map(([id, [release, reason, ...lines]]) => ({ id, release, reason, lines }))
    .filter(({ release, lines }) => {
      const fixed = releases[release][line]
      if (fixed === undefined || (lines.length > 0 && !lines.includes(line))) return false
      return fixed === null || isOlder(version, fixed)
    })
    .map(({ id, release, reason }) => ({ id, release, reason }))
}

function statement({ id, source, reason, ref }) {
  const { absent: _, ...analysis } = reasons[reason]
  return { 'bom-ref': id, id, source, analysis, affects: [{ ref }] }
}

function isOlder(version, other) {
  const [a, b] = [version, other].map((text) => text.split('.').map(Number))
  const at = a.findIndex((part, index) => part !== b[index])
  return at >= 0 && a[at] < b[at]
}
