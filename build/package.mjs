// `npm run package`: builds the executables and packages them, as a release or for a try. Options: build/package/options.mjs.
import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bashCompletion } from '../src/cli/completion/bash.ts'
import { fishCompletion } from '../src/cli/completion/fish.ts'
import { zshCompletion } from '../src/cli/completion/zsh.ts'
import { manualPage } from '../src/cli/man.ts'
import { buildInfoPath, sourceMapPath } from './executable/build-info.mjs'
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
import { HELP, packageOptions } from './package/options.mjs'
import { filesOf, layerOf, notesOf } from './package/release-files.mjs'
import { sbom } from './package/sbom.mjs'
import { writeSums } from './package/sums.mjs'
import { vex } from './package/vex.mjs'
import { LAYER_TARGETS, writeReleasedLayer } from './package/yocto.mjs'

const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
const started = Date.now()
const say = (text) => console.error(`package: ${((Date.now() - started) / 1000).toFixed(0).padStart(3)} s  ${text}`)

try {
  const options = packageOptions(process.argv.slice(2))
  if (options.help) process.stdout.write(HELP)
  else packageAll(options)
} catch (error) {
  console.error(`package: ${error.message}`)
  process.exitCode = 1
}

function packageAll({ targets, isWhole, release, allowEndOfLife, key, from, out, level, passedOn }) {
  requireTools([], { xz: ['xz-utils'], 'dpkg-deb': ['dpkg'] })
  mkdirSync(out, { recursive: true })
  if (passedOn !== null) build(passedOn)
  const nodes = targets.map((arch) => ({ ...buildInfoOf(arch, from).node, arch }))
  if (release)
    requireReleasable(nodes.map((node) => ({ ...node, endOfLifeAllowed: allowEndOfLife && node.endOfLifeAllowed })))
  const options = { epoch: sourceDateEpoch(), level, key }
  const config = runTool([process.execPath, 'dist/gatewatch.cjs', 'create-config', '-'], { env: {} })
  const completions = { bash: bashCompletion(), zsh: zshCompletion(), fish: fishCompletion() }
  const manual = manualPage(version, new Date(options.epoch * 1000).toISOString().slice(0, 10))
  const changes = readFileSync('CHANGELOG.md', 'utf8')
  const changelog = debianChangelog(changes, version, MAINTAINER, options.epoch)
  const common = { config, manual, completions, changelog }
  for (const arch of targets) pack(arch, { from, out }, options, common)
  rmSync(join(out, layerOf(version)), { force: true })
  // The tarballs of other targets may be of an earlier build.
  if (isWhole || !release) packLayer({ from, out }, options)
  writeFileSync(join(out, notesOf(version)), releaseNotes(version, nodes, changes))
  // Only what was written now: other files may be of an earlier build.
  const layer = existsSync(join(out, layerOf(version))) ? [layerOf(version)] : []
  const names = [...targets.flatMap((arch) => Object.values(filesOf(version, arch))), ...layer, notesOf(version)]
  writeSums(out, names, key)
  say(`${join(out, 'SHA256SUMS')}  ${names.length} files, ${key === null ? 'not signed' : 'signed'}`)
}

function build(args) {
  const { status } = spawnSync(process.execPath, ['build/executables.mjs', ...args], { stdio: ['ignore', 2, 2] })
  if (status !== 0) throw new Error('building the executables failed')
}

function pack(arch, { from, out }, options, common) {
  const { packedAtMostMB = Infinity } = TARGETS[arch]
  const executable = join(from, `gatewatch-${nameOf(arch)}`)
  const { node, packages: homes, sha256 } = buildInfoOf(arch, from)
  if (digestOf(executable) !== sha256)
    throw new Error(`${executable} has changed since it was built; run 'npm run build'`)
  const packages = homes.map(packageAt)
  const product = { name: 'gatewatch', version, sha256, target: nameOf(arch), dependencies: requiredBy('') }
  const bom = sbom({ product, node, packages, epoch: options.epoch })
  const texts = { ...common, licences: licences(packages, node), sbom: bom, vex: vex(bom) }
  const names = filesOf(version, arch)
  const to = (kind) => join(out, names[kind])
  const work = mkdtempSync(join(tmpdir(), 'gw-package-'))
  try {
    const unpacked = names.tarball.replace('.tar.xz', '')
    writeTarballTree(join(work, unpacked), executable, texts, options.key)
    tarXz(work, unpacked, to('tarball'), options)
    sayWritten(to('tarball'))
    const mb = statSync(to('tarball')).size / 1e6
    if (Number(options.level) >= 6 && mb > packedAtMostMB) say(`WARNING: larger than the aim of ${packedAtMostMB} MB`)
    const debianTexts = { ...texts, copyright: copyright(packages, node) }
    writeDebianTree(join(work, 'deb'), executable, debianTexts, { arch, version })
    deb(join(work, 'deb'), to('deb'), options)
    sayWritten(to('deb'))
    for (const kind of ['sbom', 'vex', 'licences']) writeFileSync(to(kind), texts[kind])
    copyFileSync(sourceMapPath(executable), to('map'))
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function buildInfoOf(arch, from) {
  return JSON.parse(readFileSync(buildInfoPath(join(from, `gatewatch-${nameOf(arch)}`)), 'utf8'))
}

/** Writes the Yocto layer of this release, if the tarballs to which its recipe refers exist. */
function packLayer({ from, out }, options) {
  const released = LAYER_TARGETS.map((arch) => {
    const info = buildInfoPath(join(from, `gatewatch-${nameOf(arch)}`))
    return { arch, tarball: join(out, filesOf(version, arch).tarball), info }
  })
  if (!released.every(({ tarball, info }) => existsSync(tarball) && existsSync(info))) return
  const work = mkdtempSync(join(tmpdir(), 'gw-layer-'))
  try {
    const withNode = released.map((one) => ({ ...one, node: buildInfoOf(one.arch, from).node.version }))
    writeReleasedLayer(join(work, 'meta-gatewatch'), version, withNode)
    const to = join(out, layerOf(version))
    tarXz(work, 'meta-gatewatch', to, options)
    sayWritten(to)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function sayWritten(path) {
  say(`${path}  ${(statSync(path).size / 1e6).toFixed(1)} MB`)
}
