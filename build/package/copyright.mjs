// The copyright file of the Debian package, in the machine-readable format of Debian's policy (DEP-5).
import { readFileSync } from 'node:fs'
import { licenceParts } from './node-parts.mjs'

const APACHE =
  /^[ \t]*Apache License\s+Version 2\.0[\s\S]*?END OF TERMS AND CONDITIONS(\s+APPENDIX:[\s\S]*?third-party archives\.)?/gim
const COMMON_APACHE = 'On Debian systems, the Apache License, Version 2.0 is in /usr/share/common-licenses/Apache-2.0.'
const ABOUT_GPL =
  'The programs under the GNU GPL that this text names (on Debian systems, /usr/share/common-licenses/GPL-3) are only used to build ICU, and are not in this package.'

/** `packages`: as returned by `packageAt`; `node`: `{ version, licence }`, the path of its LICENSE. */
export function copyright(packages, node) {
  const { own, parts } = licenceParts(readFileSync(node.licence, 'utf8'))
  const header = [
    'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/',
    'Upstream-Name: gatewatch',
    'Source: https://gatewatch.invalid/',
    'Comment: /usr/bin/gatewatch is one executable: the agent, npm packages (node_modules/ below),',
    ` and Node.js ${node.version} (node/ below) with all that its LICENSE names, also the parts that are`,
    ' needed only to build it.',
  ].join('\n')
  return [
    header,
    paragraph('*', 'MIT', readFileSync('LICENSE', 'utf8')),
    ...packages.map(({ name, licence, text }) => paragraph(`node_modules/${name}/*`, licence, text)),
    paragraph('node/*', 'MIT', own),
    ...parts.map(({ name, location, text }) => paragraph(filesAt(location), name, text)),
  ]
    .join('\n\n')
    .concat('\n')
}

function filesAt(location) {
  const path = `node/${location.replace(/\/$/, '')}`
  return /\.\w+$/.test(path) ? path : `${path}/*`
}

function paragraph(files, licence, text) {
  const shortName = licence.replace(/[^A-Za-z0-9.+-]+/g, '-').replace(/^-|-$/g, '')
  const ownText = text.replace(APACHE, COMMON_APACHE)
  const lines = [`Files: ${files}`, `Copyright: ${holders(ownText).join('\n ')}`]
  if (/GNU General Public License/.test(ownText)) lines.push(`Comment: ${ABOUT_GPL}`)
  return [...lines, `License: ${shortName}`, indented(ownText)].join('\n')
}

/** Who holds a copyright, according to a licence. */
function holders(text) {
  const lines = text
    .split('\n')
    .map((line) => line.replaceAll(/\s+/g, ' ').replace(/^[\s/*#-]+|[\s*]+$/g, ''))
    .filter(
      (line) =>
        /^(Copyright (\([cC]\)|[©\dA-Z])|\([cC]\) \d|© )/.test(line) && !/\[|^Copyright (Holder|Notice)/.test(line),
    )
    .map((line) => line.replace(/^(copyright )?((\(c\)|©) )?/i, ''))
  return lines.length > 0 ? [...new Set(lines)] : ['the authors named in the text of the license']
}

/** A text as a field of several lines: indented, with a dot in place of each empty line. */
function indented(text) {
  const lines = text.replaceAll('\t', '    ').replaceAll('\f', '').trim().split(/\r?\n/)
  return lines.map((line) => (line.trim() === '' ? ' .' : ` ${line.trimEnd()}`)).join('\n')
}
