// Collects the licences of everything inside an executable into one text.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** `{ name, version, licence, integrity, text }` of a package in node_modules, according to the lock file. Throws if it has no licence file. */
export function packageAt(home) {
  const { version, license: licence, integrity } = JSON.parse(readFileSync('package-lock.json', 'utf8')).packages[home]
  const file = readdirSync(home).find((name) => /^(licen[cs]e|copying)(\.|$)/i.test(name))
  if (file === undefined) throw new Error(`${home} has no licence file`)
  const name = home.replace(/.*node_modules\//, '')
  return { name, version, licence, integrity, text: readFileSync(join(home, file), 'utf8').trim() }
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
