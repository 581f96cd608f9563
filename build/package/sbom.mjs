// The software bill of materials (SBOM) of an executable, in CycloneDX 1.5 (https://cyclonedx.org/docs/1.5/json/).
import { createHash } from 'node:crypto'
import { licencesOf, nodeComponents } from './node-components.mjs'

const MAINTAINERS = { name: 'gatewatch maintainers' }

/**
 * `product`: `{ name, version, sha256, target, dependencies }`, of which the last are the names of the packages that it
 * requires itself; `node`: as in the build info; `packages`: as returned by `packageAt`.
 */
export function sbom({ product, node, packages, epoch }) {
  const ref = `pkg:generic/${product.name}@${product.version}?target=${product.target}`
  const platform = nodeComponent(node)
  const parts = nodeComponents(node.versions)
  const libraries = packages.map(packageComponent)
  const refOf = (component) => component['bom-ref']
  const refsOfPackages = (homes) =>
    packages.flatMap(({ home }, at) => (homes.includes(home) ? [refOf(libraries[at])] : []))
  const body = {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: {
      timestamp: new Date(epoch * 1000).toISOString().replace('.000', ''),
      lifecycles: [{ phase: 'build' }],
      tools: { components: [{ type: 'application', name: 'gatewatch/build', version: product.version }] },
      authors: [MAINTAINERS],
      supplier: MAINTAINERS,
      component: {
        type: 'application',
        'bom-ref': ref,
        supplier: MAINTAINERS,
        name: product.name,
        version: product.version,
        purl: ref,
        licenses: licencesOf('MIT'),
        hashes: [{ alg: 'SHA-256', content: product.sha256 }],
      },
    },
    components: [platform, ...parts, ...libraries],
    dependencies: [
      { ref, dependsOn: [refOf(platform), ...refsOfPackages(product.dependencies)] },
      { ref: refOf(platform), dependsOn: parts.map(refOf) },
      ...parts.map((part) => ({ ref: refOf(part) })),
      ...packages.map(({ requires }, at) => ({ ref: refOf(libraries[at]), dependsOn: refsOfPackages(requires) })),
    ],
    // Node.js has parts without a version of their own; its LICENSE names them.
    compositions: [
      { aggregate: 'complete', dependencies: [ref, ...libraries.map(refOf)] },
      { aggregate: 'incomplete', dependencies: [refOf(platform), ...parts.map(refOf)] },
    ],
  }
  return `${JSON.stringify({ serialNumber: serialNumber(JSON.stringify(body)), ...body }, null, 2)}\n`
}

/** Its hash is that of what its purl names: the npm package, or the official executable that was given with --node. */
function nodeComponent({ version, origin, sha256, supportEnds, endOfLifeAllowed }) {
  const purl = origin === null ? `pkg:generic/node@${version}` : `pkg:npm/${origin.name}@${version}`
  return {
    type: 'platform',
    'bom-ref': purl,
    supplier: { name: 'Node.js project' },
    name: 'node',
    version,
    purl,
    cpe: `cpe:2.3:a:nodejs:node.js:${version}:*:*:*:*:*:*:*`,
    licenses: licencesOf('MIT'),
    hashes: [origin === null ? { alg: 'SHA-256', content: sha256 } : hashOf(origin.integrity)],
    properties: [
      { name: 'gatewatch:node_sha256', value: sha256 },
      { name: 'gatewatch:node_supported_until', value: supportEnds ?? 'unknown' },
      { name: 'gatewatch:node_end_of_life_allowed', value: String(endOfLifeAllowed) },
    ],
  }
}

function packageComponent({ name, version, licence, integrity, supplier }) {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`
  return {
    type: 'library',
    'bom-ref': purl,
    supplier: { name: supplier },
    name,
    version,
    purl,
    licenses: licencesOf(licence),
    hashes: [hashOf(integrity)],
  }
}

/** npm's `sha512-BASE64`. */
function hashOf(integrity) {
  return { alg: 'SHA-512', content: Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex') }
}

/** A UUID derived from the content (RFC 9562, version 8: vendor-specific), so that it is reproducible. */
export function serialNumber(text) {
  const h = createHash('sha256').update(text).digest('hex')
  return `urn:uuid:${h.slice(0, 8)}-${h.slice(8, 12)}-8${h.slice(13, 16)}-a${h.slice(17, 20)}-${h.slice(20, 32)}`
}
