// The contents of the tarball and of the Debian package: executable, unit, user, configuration, manual, licences, SBOM, VEX.
import { chmodSync, copyFileSync, cpSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
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
  const names = readdirSync(directory, { recursive: true }).filter((name) => statSync(join(directory, name)).isFile())
  const sums = names.sort().map((name) => `${digestOf(join(directory, name))}  ${name}\n`)
  files.text('SHA256SUMS', sums.join(''))
  if (key !== null) signSums(directory, key)
}

/** Writes the tree of the Debian package. `control`: the text of that file. */
export function writeDebianTree(directory, executable, texts, control) {
  const files = createWriter(directory)
  files.copy(executable, 'usr/bin/gatewatch', 0o755)
  files.copy('systemd/gatewatch.service', 'usr/lib/systemd/system/gatewatch.service')
  files.copy('systemd/gatewatch.sysusers.conf', 'usr/lib/sysusers.d/gatewatch.conf')
  files.text('etc/gatewatch/config.json', texts.config)
  files.text('usr/share/bash-completion/completions/gatewatch', texts.completions.bash)
  files.text('usr/share/zsh/vendor-completions/_gatewatch', texts.completions.zsh)
  files.text('usr/share/fish/vendor_completions.d/gatewatch.fish', texts.completions.fish)
  files.bytes('usr/share/man/man1/gatewatch.1.gz', gzipSync(texts.manual, { level: 9 }))
  files.text('usr/share/doc/gatewatch/copyright', texts.licences)
  files.text('usr/share/doc/gatewatch/gatewatch.cdx.json', texts.sbom)
  files.text('usr/share/doc/gatewatch/gatewatch.vex.cdx.json', texts.vex)
  const examples = join(directory, 'usr/share/doc/gatewatch/examples')
  cpSync('systemd/drop-ins', join(examples, 'drop-ins'), { recursive: true })
  cpSync('deploy/mosquitto', join(examples, 'mosquitto'), { recursive: true })
  files.text('DEBIAN/control', control)
  files.text('DEBIAN/conffiles', '/etc/gatewatch/config.json\n')
  for (const script of ['postinst', 'prerm', 'postrm']) files.copy(`deploy/debian/${script}`, `DEBIAN/${script}`, 0o755)
}

function createWriter(directory) {
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
