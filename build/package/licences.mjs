// The licences of everything inside an executable, as one text.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** `{ name, version, licence, integrity, text }` of a package in node_modules, by the lock file. Throws where there is no text. */
export function packageAt(home) {
  const { version, license: licence, integrity } = JSON.parse(readFileSync('package-lock.json', 'utf8')).packages[home]
  const file = readdirSync(home).find((name) => /^(licen[cs]e|copying)(\.|$)/i.test(name))
  if (file === undefined) throw new Error(`${home} has no licence file`)
  const name = home.replace(/.*node_modules\//, '')
  return { name, version, licence, integrity, text: readFileSync(join(home, file), 'utf8').trim() }
}

/** The text that goes with an executable: ours, then each package's, then Node's with all that is in Node. */
export function licences(packages, node) {
  if (node.licence === null || !existsSync(node.licence))
    throw new Error(`Node ${node.version} came without its LICENSE: put it beside the file that --node names`)
  const parts = packages.map(({ name, version, licence, text }) => [`${name} ${version} (${licence})`, text])
  const whole = [
    ['gatewatch (MIT)', readFileSync('LICENSE', 'utf8').trim()],
    ...parts,
    [`Node.js ${node.version}, and what it contains`, readFileSync(node.licence, 'utf8').trim()],
  ]
  const rule = '='.repeat(100)
  return whole.map(([title, text]) => `${rule}\n${title}\n${rule}\n\n${text}\n`).join('\n')
}
