// The changes of a version from CHANGELOG.md: for the release notes, and as the changelog of the Debian package.

/** The section of `version`, or else of what is not released yet: the text below its heading. */
export function changesIn(changelog, version) {
  return current(sectionsOf(changelog), version)?.text ?? ''
}

/**
 * All versions in Debian's format (deb-changelog(5)), the newest first. A heading is `## VERSION (YYYY-MM-DD)`; what is
 * not released yet belongs to `version`, and has the date `epoch` (Unix seconds).
 */
export function debianChangelog(changelog, version, maintainer, epoch) {
  const sections = sectionsOf(changelog)
  const newest = current(sections, version)
  const older = sections.filter(({ title, date }) => title !== version && title !== 'Unreleased' && date !== null)
  const entries = [
    { title: version, text: newest?.text ?? '', at: newest?.date ?? new Date(epoch * 1000) },
    ...older.map(({ title, text, date }) => ({ title, text, at: date })),
  ]
  return entries
    .map(({ title, text, at }) => {
      const items = text.split('\n').filter((line) => line.startsWith('- '))
      const lines = items.flatMap((item) => wrapped(item.slice(2), '  * ', '    '))
      const date = at.toUTCString().replace('GMT', '+0000')
      return `gatewatch (${title}) unstable; urgency=medium\n\n${lines.join('\n')}\n\n -- ${maintainer}  ${date}\n`
    })
    .join('\n')
}

function sectionsOf(changelog) {
  const sections = changelog.split(/^## /m).slice(1)
  return sections.map((section) => {
    const [heading, ...lines] = section.split('\n')
    const date = /\((\d{4}-\d\d-\d\d)\)/.exec(heading)
    return {
      title: heading.split(' ')[0],
      date: date && new Date(`${date[1]}T00:00:00Z`),
      text: lines.join('\n').trim(),
    }
  })
}

function current(sections, version) {
  return sections.find(({ title }) => title === version) ?? sections.find(({ title }) => title === 'Unreleased')
}

const WIDTH = 78

function wrapped(text, first, next) {
  const lines = []
  let line = first
  let isEmpty = true
  for (const word of text.split(/\s+/)) {
    if (!isEmpty && line.length + 1 + word.length > WIDTH) {
      lines.push(line)
      line = next
      isEmpty = true
    }
    line += isEmpty ? word : ` ${word}`
    isEmpty = false
  }
  return [...lines, line]
}
