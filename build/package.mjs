// Packs what `npm run build` made, per target: a tarball, a Debian package, a bill of materials; and SHA256SUMS of all.
//   node --import tsx build/package.mjs [--target x64|arm64|armv7]... [--from dist] [--out dist] [--level 0-9]
// Level 6: a gateway needs 9 MB to unpack it; 9 would save 1 % and need 65 MB.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { manualPage } from '../src/cli/man.ts'
import { partsPath } from './executable/parts.mjs'
import { digestOf, runTool } from './executable/run.mjs'
import { nameOf, TARGETS } from './executable/targets.mjs'
import { needTools } from './executable/tools.mjs'
import { deb, tarXz } from './package/archive.mjs'
import { installedIn, unpackedIn } from './package/contents.mjs'
import { sourceDateEpoch } from './package/epoch.mjs'
import { licences, packageAt } from './package/licences.mjs'
import { sbom } from './package/sbom.mjs'
import { releasedLayerIn } from './package/yocto.mjs'

const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
const started = Date.now()
const say = (text) => console.error(`package: ${((Date.now() - started) / 1000).toFixed(0).padStart(3)} s  ${text}`)

try {
  const { values } = parseArgs({
    options: {
      target: { type: 'string', multiple: true, default: Object.keys(TARGETS) },
      from: { type: 'string', default: 'dist' },
      out: { type: 'string', default: 'dist' },
      level: { type: 'string', default: '6' },
    },
  })
  needTools([], { xz: ['xz-utils'], 'dpkg-deb': ['dpkg'] })
  mkdirSync(values.out, { recursive: true })
  const how = { epoch: sourceDateEpoch(), level: values.level }
  const config = runTool([process.execPath, 'dist/gatewatch.cjs', 'create-config', '-'], { env: {} })
  const manual = manualPage(version, new Date(how.epoch * 1000).toISOString().slice(0, 10))
  for (const arch of values.target) pack(arch, values, how, { config, manual })
  packLayer(values, how)
  const made = readdirSync(values.out).filter((name) => /^(meta-)?gatewatch[-_].*\.(tar\.xz|deb|cdx\.json)$/.test(name))
  writeFileSync(
    join(values.out, 'SHA256SUMS'),
    made
      .sort()
      .map((name) => `${digestOf(join(values.out, name))}  ${name}\n`)
      .join(''),
  )
} catch (error) {
  console.error(`package: ${error.message}`)
  process.exitCode = 1
}

function pack(arch, { from, out }, how, common) {
  const executable = join(from, `gatewatch-${nameOf(arch)}`)
  const { node, packages: homes, sha256 } = JSON.parse(readFileSync(partsPath(executable), 'utf8'))
  if (digestOf(executable) !== sha256) throw new Error(`${executable} is not what the build made: npm run build`)
  const packages = homes.map(packageAt)
  const product = { name: 'gatewatch', version, sha256, target: nameOf(arch) }
  const texts = {
    ...common,
    licences: licences(packages, node),
    sbom: sbom({ product, node, packages, epoch: how.epoch }),
  }
  const name = `gatewatch-${version}-${nameOf(arch)}`
  const work = mkdtempSync(join(tmpdir(), 'gw-package-'))
  try {
    unpackedIn(join(work, name), executable, texts)
    tarXz(work, name, join(out, `${name}.tar.xz`), how)
    told(join(out, `${name}.tar.xz`))
    installedIn(join(work, 'deb'), executable, texts, control(arch, executable))
    const debName = `gatewatch_${version}_${TARGETS[arch].deb}.deb`
    deb(join(work, 'deb'), join(out, debName), how)
    told(join(out, debName))
    writeFileSync(join(out, `${name}.cdx.json`), texts.sbom)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** The Yocto layer as of this release, where the tarballs that its recipe names are there. */
function packLayer({ from, out }, how) {
  const released = ['arm64', 'armv7'].map((arch) => {
    const parts = partsPath(join(from, `gatewatch-${nameOf(arch)}`))
    return { arch, tarball: join(out, `gatewatch-${version}-${nameOf(arch)}.tar.xz`), parts }
  })
  if (!released.every(({ tarball, parts }) => existsSync(tarball) && existsSync(parts))) return
  const work = mkdtempSync(join(tmpdir(), 'gw-layer-'))
  try {
    releasedLayerIn(
      join(work, 'meta-gatewatch'),
      version,
      released.map(({ arch, tarball, parts }) => ({
        arch,
        sha256: digestOf(tarball),
        node: JSON.parse(readFileSync(parts, 'utf8')).node.version,
      })),
    )
    const to = join(out, `meta-gatewatch-${version}.tar.xz`)
    tarXz(work, 'meta-gatewatch', to, how)
    told(to)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function told(path) {
  say(`${path}  ${(statSync(path).size / 1e6).toFixed(1)} MB`)
}

/** deploy/debian/control, filled in. */
function control(arch, executable) {
  const { deb: architecture, needed } = TARGETS[arch]
  const values = {
    VERSION: version,
    ARCHITECTURE: architecture,
    SIZE: String(Math.ceil(statSync(executable).size / 1024)),
    LIBATOMIC: needed.includes('libatomic.so.1') ? ', libatomic1' : '',
  }
  return readFileSync('deploy/debian/control', 'utf8').replace(/@([A-Z]+)@/g, (_, key) => values[key])
}
