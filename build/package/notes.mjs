// The release notes: which Node.js each executable contains, until when it is supported, and what changed.
import { isPastSupport } from '../executable/support.mjs'
import { nameOf } from '../executable/targets.mjs'
import { changesIn } from './changelog.mjs'

/** `nodes`: that of each executable, as in its build info; `changelog`: the text of CHANGELOG.md. */
export function releaseNotes(version, nodes, changelog) {
  const rows = nodes.map((node) => `| ${nameOf(node.arch)} | ${node.version} | ${support(node)} | \`${node.sha256}\` |`)
  const lines = [
    `# gatewatch ${version}`,
    '',
    '| executable | Node.js | supported until | SHA-256 of the official Node.js executable |',
    '|---|---|---|---|',
    ...rows,
    '',
    '## Changes',
    '',
    changesIn(changelog, version),
  ]
  return `${lines.join('\n')}\n`
}

function support({ supportEnds: ends, endOfLifeAllowed }) {
  if (ends === null) return 'unknown'
  if (!isPastSupport(ends)) return ends
  return `${ends}: **past its end of life, no security updates**${endOfLifeAllowed ? ' (released with `--allow-end-of-life`)' : ''}`
}
