// The parts of Node.js that have versions of their own, as components of the SBOM: who supplies them, and under which licence.

const NODE_PROJECT = 'Node.js project'

/** By the keys of `process.versions`: name, supplier, licence, and the vendor and product in CPE names, where NVD has them. */
const KNOWN = {
  acorn: ['acorn', 'Acorn contributors', 'MIT'],
  ada: ['ada', 'Ada authors', 'Apache-2.0 OR MIT'],
  amaro: ['amaro', NODE_PROJECT, 'MIT'],
  ares: ['c-ares', 'c-ares project', 'MIT', 'c-ares:c-ares'],
  base64: ['base64', 'Alfred Klomp', 'BSD-2-Clause'],
  brotli: ['brotli', 'Google', 'MIT', 'google:brotli'],
  cjs_module_lexer: ['cjs-module-lexer', NODE_PROJECT, 'MIT'],
  cldr: ['cldr', 'Unicode, Inc.', 'Unicode License'],
  icu: ['icu', 'Unicode, Inc.', 'Unicode License', 'icu-project:international_components_for_unicode'],
  llhttp: ['llhttp', NODE_PROJECT, 'MIT', 'llhttp:llhttp'],
  merve: ['merve', 'Yagiz Nizipli', 'MIT'],
  nbytes: ['nbytes', NODE_PROJECT, 'MIT'],
  ncrypto: ['ncrypto', NODE_PROJECT, 'MIT'],
  nghttp2: ['nghttp2', 'nghttp2 project', 'MIT', 'nghttp2:nghttp2'],
  nghttp3: ['nghttp3', 'nghttp2 project', 'MIT'],
  ngtcp2: ['ngtcp2', 'nghttp2 project', 'MIT'],
  openssl: ['openssl', 'OpenSSL', 'Apache-2.0', 'openssl:openssl'],
  simdjson: ['simdjson', 'simdjson authors', 'Apache-2.0'],
  simdutf: ['simdutf', 'simdutf authors', 'MIT'],
  sqlite: ['sqlite', 'SQLite Consortium', 'blessing', 'sqlite:sqlite'],
  tz: ['tzdata', 'IANA', 'public domain'],
  undici: ['undici', NODE_PROJECT, 'MIT', 'nodejs:undici'],
  uv: ['libuv', 'libuv project', 'MIT', 'libuv:libuv'],
  uvwasi: ['uvwasi', NODE_PROJECT, 'MIT'],
  v8: ['v8', 'Google', 'BSD-3-Clause'],
  zlib: ['zlib', 'Chromium project, from Jean-loup Gailly and Mark Adler', 'Zlib', 'zlib:zlib'],
  zstd: ['zstd', 'Meta', 'BSD-3-Clause', 'facebook:zstandard'],
}
/** Numbers of interfaces and of a standard, not parts. */
const NOT_PARTS = ['node', 'modules', 'napi', 'unicode']
const ON_NPM = ['acorn', 'amaro', 'cjs-module-lexer', 'undici']

/** `versions`: `process.versions`; a version is empty if that part was left out of the build. */
export function nodeComponents(versions) {
  const parts = Object.entries(versions).filter(([key, version]) => !NOT_PARTS.includes(key) && version !== '')
  return parts.map(([key, version]) => {
    const [name, supplier, licence, product] = KNOWN[key] ?? [key]
    const purl = `pkg:${ON_NPM.includes(name) ? 'npm' : 'generic'}/${name}@${encodeURIComponent(version)}`
    return {
      type: 'library',
      'bom-ref': `node/${purl}`, // an npm package of the same name and version may be beside Node.js
      supplier: { name: supplier ?? `unknown, see the sources of Node.js ${versions.node}` },
      name,
      version,
      purl,
      ...(product && { cpe: `cpe:2.3:a:${product}:${/^[\d.]+/.exec(version)?.[0] ?? '*'}:*:*:*:*:*:*:*` }),
      ...(licence && { licenses: licencesOf(licence) }),
      properties: [{ name: 'gatewatch:inside', value: 'node' }],
    }
  })
}

/** CycloneDX's form of a licence: an SPDX id or expression, or else a name. */
export function licencesOf(licence) {
  if (/ (OR|AND|WITH) /.test(licence)) return [{ expression: licence }]
  return [{ license: /^[A-Za-z0-9.-]+$/.test(licence) ? { id: licence } : { name: licence } }]
}
