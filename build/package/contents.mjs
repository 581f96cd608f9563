// The contents of the tarball: executable, unit, user, configuration, manual, licences, SBOM, VEX.
import { chmodSync, copyFileSync, cpSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { digestOf } from '../executable/run.mjs'
import { signSums } from './sums.mjs'

/**
 * Writes the directory of the tarball. `texts`: config, manual, completions (`{ bash, zsh, fish }`), licences, sbom, vex.
 * `key`: signs its checksums; or null.
 */
export function writeTarballTree(directory, executable, texts, key) {
  const files = createWriter(directory)
  files.copy(executable, 'gatewatch', 0o755)
  files.copy('deploy/install.sh', 'install.sh', 0o755)
  files.copy('systemd/gatewatch.service', 'gatewatch.service')
  files.copy('systemd/gatewatch.sysusers.conf', 'gatewatch.sysusers.conf')
  files.copy('LICENSE', 'LICENSE')
  files.text('config.json', texts.config)
  files.text('gatewatch.1', texts.manual)
  files.text('completions/gatewatch.bash', texts.completions.bash)
  files.text('completions/_gatewatch', texts.completions.zsh)
  files.text('completions/gatewatch.fish', texts.completions.fish)
  files.text('LICENSES.txt', texts.licences)
  files.text('gatewatch.cdx.json', texts.sbom)
  files.text('gatewatch.vex.cdx.json', texts.vex)
  cpSync('systemd/drop-ins', join(directory, 'drop-ins'), { recursive: true })
  cpSync('deploy/mosquitto', join(directory, 'mosquitto'), { recursive: true })
  const sums = filesIn(directory).map((name) => `${digestOf(join(directory, name))}  ${name}\n`)
  files.text('SHA256SUMS', sums.join(''))
  if (key !== null) signSums(directory, key)
}

/** The names of all files in a directory and below it, sorted. */
export function filesIn(directory) {
  const names = readdirSync(directory, { recursive: true }).sort()
  return names.filter((name) => statSync(join(directory, name)).isFile())
}

/** Writes files with their directories under `directory`. */
export function createWriter(directory) {
  const at = (name) => {
    mkdirSync(dirname(join(directory, name)), { recursive: true })
    return join(directory, name)
  }
  return {
    copy(from, name, mode = 0o644) {
      const to = at(name)
      copyFileSync(from, to)
      chmodSync(to, mode)
    },
    text: (name, text) => writeFileSync(at(name), text),
    bytes: (name, bytes) => writeFileSync(at(name), bytes),
  }
}
