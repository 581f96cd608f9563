// The contents of the Debian package, as Debian's policy requires them: control files, copyright, changelog, lintian overrides.
import { cpSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { digestOf } from '../executable/run.mjs'
import { TARGETS } from '../executable/targets.mjs'
import { createWriter, filesIn } from './contents.mjs'

/** Commented out in the package: a configuration file that an administrator enables by removing one `#`. */
const JOURNAL_CONF = 'etc/systemd/system/gatewatch.service.d/journal.conf'
const CONFFILES = ['etc/gatewatch/config.json', JOURNAL_CONF]
const CONTROL = readFileSync('deploy/debian/control', 'utf8')
export const MAINTAINER = /^Maintainer: (.*)$/m.exec(CONTROL)[1]

/** Writes the tree of the Debian package. `texts`: as for the tarball, and copyright and changelog. */
export function writeDebianTree(directory, executable, texts, { arch, version }) {
  const files = createWriter(directory)
  const doc = 'usr/share/doc/gatewatch'
  files.copy(executable, 'usr/bin/gatewatch', 0o755)
  files.copy('systemd/gatewatch.service', 'usr/lib/systemd/system/gatewatch.service')
  files.copy('systemd/gatewatch.sysusers.conf', 'usr/lib/sysusers.d/gatewatch.conf')
  files.text('etc/gatewatch/config.json', texts.config)
  files.copy('deploy/debian/journal.conf', JOURNAL_CONF)
  files.text('usr/share/bash-completion/completions/gatewatch', texts.completions.bash)
  files.text('usr/share/zsh/vendor-completions/_gatewatch', texts.completions.zsh)
  files.text('usr/share/fish/vendor_completions.d/gatewatch.fish', texts.completions.fish)
  files.bytes('usr/share/man/man1/gatewatch.1.gz', gzipSync(texts.manual, { level: 9 }))
  files.text(`${doc}/copyright`, texts.copyright)
  files.bytes(`${doc}/changelog.gz`, gzipSync(texts.changelog, { level: 9 }))
  files.text(`${doc}/gatewatch.cdx.json`, texts.sbom)
  files.text(`${doc}/gatewatch.vex.cdx.json`, texts.vex)
  files.copy('deploy/debian/lintian-overrides', 'usr/share/lintian/overrides/gatewatch')
  for (const [from, to] of [
    ['systemd/drop-ins', 'drop-ins'],
    ['deploy/mosquitto', 'mosquitto'],
  ])
    cpSync(from, join(directory, doc, 'examples', to), { recursive: true })

  const installed = filesIn(directory)
  const kib = installed.reduce((sum, name) => sum + Math.ceil(statSync(join(directory, name)).size / 1024), 0)
  const sums = installed
    .filter((name) => !CONFFILES.includes(name))
    .map((name) => `${digestOf(join(directory, name), 'md5')}  ${name}\n`)
  files.text('DEBIAN/control', control(arch, version, kib))
  files.text('DEBIAN/conffiles', CONFFILES.map((name) => `/${name}\n`).join(''))
  files.text('DEBIAN/md5sums', sums.join(''))
  for (const script of ['postinst', 'prerm', 'postrm']) files.copy(`deploy/debian/${script}`, `DEBIAN/${script}`, 0o755)
}

/** deploy/debian/control with its placeholders filled in. `kib`: the size of the installed files. */
function control(arch, version, kib) {
  const { deb: architecture, needed } = TARGETS[arch]
  const values = {
    VERSION: version,
    ARCHITECTURE: architecture,
    SIZE: String(kib),
    LIBATOMIC: needed.includes('libatomic.so.1') ? ', libatomic1' : '',
  }
  return CONTROL.replace(/@([A-Z]+)@/g, (_, key) => values[key])
}
