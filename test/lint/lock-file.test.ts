// The lock file: every package in it has a version and a hash, and packages that were replaced by stubs are not in it.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

interface Locked {
  readonly name?: string
  readonly version?: string
  readonly integrity?: string
  readonly resolved?: string
  readonly link?: boolean
}

const { packages } = JSON.parse(readFileSync(`${ROOT}/package-lock.json`, 'utf8')) as {
  packages: Readonly<Record<string, Locked>>
}
/** What npm downloads: not the project itself, and not the packages in its source tree, to which entries with `link` refer. */
const downloaded = Object.entries(packages).filter(([path, { link }]) => path.includes('node_modules/') && !link)

test('every entry has a version and an integrity hash', () => {
  const hasBoth = ({ version, integrity }: Locked) =>
    /^\d+\.\d+\.\d+/.test(version ?? '') && /^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? '')
  expect(downloaded.length).toBeGreaterThan(200)
  expect(downloaded.filter(([, entry]) => !hasBoth(entry)).map(([path]) => path)).toEqual([])
})

test('every link refers to a package in the source tree', () => {
  const links = Object.values(packages).filter(({ link }) => link)
  expect(links.map(({ resolved }) => resolved)).toEqual(['build/stubs/xml2js'])
  const { version } = JSON.parse(readFileSync(`${ROOT}/build/stubs/xml2js/package.json`, 'utf8'))
  expect(packages['build/stubs/xml2js']?.version).toBe(version)
})

test('xml2js and event-stream are not locked under any path', () => {
  const nameOf = (path: string, { name }: Locked) => name ?? path.replace(/.*node_modules\//, '')
  const names = downloaded.map(([path, entry]) => nameOf(path, entry))
  expect(names).toContain('empty-npm-package')
  expect(
    names.filter((name) => ['xml2js', 'event-stream', 'map-stream', 'flatmap-stream', 'sax'].includes(name)),
  ).toEqual([])
})
