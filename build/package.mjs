// Packages a release: for each executable a tarball, a Debian package, an SBOM and a VEX statement; the Yocto layer; the release notes; SHA256SUMS.
//   node --import tsx build/package.mjs [--target x64|arm64|armv7]... [--node TARGET=PATH]... [--node-sha256 TARGET=HEX]...
//     [--release] [--allow-end-of-life] [--sign KEY.pem] [--from DIR] [--out dist] [--level 0-9]
// `--node`, `--node-sha256`, `--release`, `--allow-end-of-life`: as in `npm run build -- --help`. `--from DIR`: packages the
// executables in DIR without building. `--sign`: writes SHA256SUMS.sig, here and in each tarball. `--level`: of xz; at 6, a gateway needs 9 MB of
// memory to unpack; 9 would save 1 % and need 65 MB.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { bashCompletion } from '../src/cli/completion/bash.ts'
import { fishCompletion } from '../src/cli/completion/fish.ts'
import { zshCompletion } from '../src/cli/completion/zsh.ts'
import { manualPage } from '../src/cli/man.ts'
import { buildInfoPath } from './executable/build-info.mjs'
import { PASSED_ON } from './executable/options.mjs'
import { digestOf, runTool } from './executable/run.mjs'
import { requireReleasable } from './executable/support.mjs'
import { nameOf, TARGETS } from './executable/targets.mjs'
import { requireTools } from './executable/tools.mjs'
import { deb, tarXz } from './package/archive.mjs'
import { debianChangelog } from './package/changelog.mjs'
import { writeTarballTree } from './package/contents.mjs'
import { copyright } from './package/copyright.mjs'
import { MAINTAINER, writeDebianTree } from './package/debian.mjs'
import { sourceDateEpoch } from './package/epoch.mjs'
import { licences, packageAt, requiredBy } from './package/licences.mjs'
import { releaseNotes } from './package/notes.mjs'
import { sbom } from './package/sbom.mjs'
import { signingKey, writeSums } from './package/sums.mjs'
import { vex } from './package/vex.mjs'
import { writeReleasedLayer } from './package/yocto.mjs'

const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
const started = Date.now()
const say = (text) => console.error(`package: ${((Date.now() - started) / 1000).toFixed(0).padStart(3)} s  ${text}`)

try {
  const { values } = parseArgs({
    options: {
      ...PASSED_ON,
      from: { type: 'string' },
      out: { type: 'string', default: 'dist' },
      level: { type: 'string', default: '6' },
      sign: { type: 'string' },
    },
  })
  const key = values.sign === undefined ? null : signingKey(values.sign)
  requireTools([], { xz: ['xz-utils'], 'dpkg-deb': ['dpkg'] })
  mkdirSync(values.out, { recursive: true })
  if (values.from === undefined) build(values)
  const from = values.from ?? 'dist'
  const targets = values.target ?? Object.keys(TARGETS)
  const nodes = targets.map((arch) => ({ ...buildInfoOf(arch, from).node, arch }))
  const allowed = values['allow-end-of-life']
  if (values.release)
    requireReleasable(nodes.map((node) => ({ ...node, endOfLifeAllowed: allowed && node.endOfLifeAllowed })))
  const options = { epoch: sourceDateEpoch(), level: values.level, key }
  const config = runTool([process.execPath, 'dist/gatewatch.cjs', 'create-config', '-'], { env: {} })
  const completions = { bash: bashCompletion(), zsh: zshCompletion(), fish: fishCompletion() }
  const manual = manualPage(version, new Date(options.epoch * 1000).toISOString().slice(0, 10))
  const changes = readFileSync('CHANGELOG.md', 'utf8')
  const changelog = debianChangelog(changes, version, MAINTAINER, options.epoch)
  const common = { config, manual, completions, changelog }
  for (const arch of targets) pack(arch, { from, out: values.out }, options, common)
  packLayer({ from, out: values.out }, options)
  const notes = releaseNotes(version, nodes, changes)
  writeFileSync(join(values.out, `gatewatch-${version}-release-notes.md`), notes)
  writeSums(values.out, version, key)
} catch (error) {
  console.error(`package: ${error.message}`)
  process.exitCode = 1
}

function build(values) {
  const args = Object.keys(PASSED_ON).flatMap((name) => {
    const value = values[name] ?? []
    if (Array.isArray(value)) return value.flatMap((one) => [`--${name}`, one])
    return value ? [`--${name}`] : []
  })
  const { status } = spawnSync(process.execPath, ['build/executables.mjs', ...args], { stdio: ['ignore', 2, 2] })
  if (status !== 0) throw new Error('building the executables failed')
}

function pack(arch, { from, out }, options, common) {
  const { deb: debArch, packedAtMostMB = Infinity } = TARGETS[arch]
  const executable = join(from, `gatewatch-${nameOf(arch)}`)
  const { node, packages: homes, sha256 } = buildInfoOf(arch, from)
  if (digestOf(executable) !== sha256)
    throw new Error(`${executable} has changed since it was built; run 'npm run build'`)
  const packages = homes.map(packageAt)
  const product = { name: 'gatewatch', version, sha256, target: nameOf(arch), dependencies: requiredBy('') }
  const bom = sbom({ product, node, packages, epoch: options.epoch })
  const texts = { ...common, licences: licences(packages, node), sbom: bom, vex: vex(bom) }
  const name = `gatewatch-${version}-${nameOf(arch)}`
  const work = mkdtempSync(join(tmpdir(), 'gw-package-'))
  try {
    writeTarballTree(join(work, name), executable, texts, options.key)
    tarXz(work, name, join(out, `${name}.tar.xz`), options)
    sayWritten(join(out, `${name}.tar.xz`))
    const mb = statSync(join(out, `${name}.tar.xz`)).size / 1e6
    if (Number(options.level) >= 6 && mb > packedAtMostMB) say(`WARNING: larger than the aim of ${packedAtMostMB} MB`)
    const debianTexts = { ...texts, copyright: copyright(packages, node) }
    writeDebianTree(join(work, 'deb'), executable, debianTexts, { arch, version })
    const debName = `gatewatch_${version}_${debArch}.deb`
    deb(join(work, 'deb'), join(out, debName), options)
    sayWritten(join(out, debName))
    writeFileSync(join(out, `${name}.cdx.json`), texts.sbom)
    writeFileSync(join(out, `${name}.vex.cdx.json`), texts.vex)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function buildInfoOf(arch, from) {
  return JSON.parse(readFileSync(buildInfoPath(join(from, `gatewatch-${nameOf(arch)}`)), 'utf8'))
}

/** Writes the Yocto layer of this release, if the tarballs to which its recipe refers exist. */
function packLayer({ from, out }, options) {
  const released = ['arm64', 'armv7'].map((arch) => {
    const info = buildInfoPath(join(from, `gatewatch-${nameOf(arch)}`))
    return { arch, tarball: join(out, `gatewatch-${version}-${nameOf(arch)}.tar.xz`), info }
  })
  if (!released.every(({ tarball, info }) => existsSync(tarball) && existsSync(info))) return
  const work = mkdtempSync(join(tmpdir(), 'gw-layer-'))
  try {
    writeReleasedLayer(
      join(work, 'meta-gatewatch'),
      version,
      released.map(({ arch, tarball }) => ({
        arch,
        sha256: digestOf(tarball),
        node: buildInfoOf(arch, from).node.version,
      })),
    )
    const to = join(out, `meta-gatewatch-${version}.tar.xz`)
    tarXz(work, 'meta-gatewatch', to, options)
    sayWritten(to)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function sayWritten(path) {
  say(`${path}  ${(statSync(path).size / 1e6).toFixed(1)} MB`)
}
