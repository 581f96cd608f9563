// Collects the licences of everything inside an executable into one text.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'))

/**
 * A package in node_modules, according to the lock file: `{ home, name, version, licence, integrity, supplier, requires,
 * text }`. Throws if it has no licence file.
 */
export function packageAt(home) {
  const { packages } = readJson('package-lock.json')
  const { version, license: licence, integrity } = packages[home]
  const file = readdirSync(home).find((name) => /^(licen[cs]e|copying)(\.|$)/i.test(name))
  if (file === undefined) throw new Error(`${home} has no licence file`)
  const name = home.replace(/.*node_modules\//, '')
  const text = readFileSync(join(home, file), 'utf8').trim()
  const supplier = supplierOf(readJson(join(home, 'package.json')))
  return { home, name, version, licence, integrity, supplier, requires: requiredBy(home, packages), text }
}

/** Where the packages are that a package requires; `''`: this project. `packages`: of the lock file. */
export function requiredBy(home, packages = readJson('package-lock.json').packages) {
  const levels = home.split('/node_modules/')
  return Object.keys(packages[home].dependencies ?? {}).flatMap((name) => {
    const nested = levels.map((_, n) => [...levels.slice(0, levels.length - n), name].join('/node_modules/'))
    return [...nested, `node_modules/${name}`].find((path) => path in packages) ?? []
  })
}

/** The author, or else the owner of the repository. */
function supplierOf({ author, repository }) {
  const name = (author?.name ?? author ?? '').replace(/\s*[<(].*/, '')
  if (name !== '') return name
  return /([\w.-]+)\/[\w.-]+$/.exec(repository?.url ?? repository ?? '')?.[1] ?? 'unknown'
}

/** The text that accompanies an executable: the licence of gatewatch, of each package, and of Node with all that it contains. */
export function licences(packages, node) {
  if (node.licence === null || !existsSync(node.licence))
    throw new Error(`the LICENSE of Node ${node.version} is missing; put it beside the file that is passed with --node`)
  const sections = packages.map(({ name, version, licence, text }) => [`${name} ${version} (${licence})`, text])
  const all = [
    ['gatewatch (MIT)', readFileSync('LICENSE', 'utf8').trim()],
    ...sections,
    [`Node.js ${node.version}, and what it contains`, readFileSync(node.licence, 'utf8').trim()],
  ]
  const rule = '='.repeat(100)
  return all.map(([title, text]) => `${rule}\n${title}\n${rule}\n\n${text}\n`).join('\n')
}
