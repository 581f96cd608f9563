// The texts of the Debian package: changelog, copyright, and the drop-in that is commented out. (The package: packages.test.ts.)
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { ROOT } from './executable.ts'

const { changesIn, debianChangelog } = await import(join(ROOT, 'build/package/changelog.mjs'))
const { copyright } = await import(join(ROOT, 'build/package/copyright.mjs'))
const { licenceParts } = await import(join(ROOT, 'build/package/node-parts.mjs'))

const directory = mkdtempSync(join(tmpdir(), 'gw-debian-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

describe('the changelog', () => {
  const CHANGELOG = `# Changelog

## Unreleased

- Counts \`starts\`, stops and crashes of every unit that it watches, and restarts, too, so that this line is long.
- Short.

## 0.1.0 (2026-05-01)

- First release.
`

  it("has Debian's format: what is not released yet is the version that is packaged now", () => {
    expect(
      debianChangelog(CHANGELOG, '0.2.0', 'A B <a@b.invalid>', 1_800_000_000),
    ).toBe(`gatewatch (0.2.0) unstable; urgency=medium

  * Counts \`starts\`, stops and crashes of every unit that it watches, and
    restarts, too, so that this line is long.
  * Short.

 -- A B <a@b.invalid>  Fri, 15 Jan 2027 08:00:00 +0000

gatewatch (0.1.0) unstable; urgency=medium

  * First release.

 -- A B <a@b.invalid>  Fri, 01 May 2026 00:00:00 +0000
`)
  })

  it('has a version once, with its own changes, also if it is packaged again later', () => {
    const text = debianChangelog(CHANGELOG, '0.1.0', 'A B <a@b.invalid>', 1_800_000_000)
    expect(text.split('gatewatch (')).toHaveLength(2)
    expect(text).toContain('  * First release.\n\n -- A B <a@b.invalid>  Fri, 01 May 2026 00:00:00 +0000\n')
    expect(changesIn(CHANGELOG, '0.1.0')).toBe('- First release.')
  })

  it('has no line of more than 80 characters', () => {
    const all = debianChangelog(readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8'), '9.9.9', 'A B <a@b.invalid>', 0)
    expect(all.split('\n').filter((line: string) => line.length > 80)).toEqual([])
  })
})

const APACHE = `                                 Apache License
                           Version 2.0, January 2004

   TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION
   (c) You must retain notices.
   END OF TERMS AND CONDITIONS

   APPENDIX: How to apply the Apache License to your work.
      identification within third-party archives.

   Copyright 2014 Somebody
`
const NODE = `Node.js is licensed for use as follows:

"""
Copyright Node.js contributors.

Permission is granted.
"""

The externally maintained libraries used by Node.js are:

- Acorn, located at deps/acorn, is licensed as follows:
  """
    Copyright (C) 2012 by contributors\r
  """

- ICU, located at deps/icu-small, is licensed as follows:
  """
    # Copyright © 2016 Unicode, Inc.
    config.guess is under the GNU General Public License
  """

- swc, located at deps/swc.js, is licensed as follows:
  """
${APACHE.replaceAll(/^/gm, '    ')}
  """
`

describe('the copyright file', () => {
  it('has a paragraph for each part of Node.js, without the whole text of the Apache License', () => {
    const licence = join(directory, 'LICENSE')
    writeFileSync(licence, NODE)
    const packages = [
      { name: '@a/b', version: '1.0.0', licence: '(MIT OR ISC)', text: 'Copyright (c) 2020 B\n\nPermitted.' },
    ]
    const text: string = copyright(packages, { version: '24.1.0', licence })
    const [, own, ...parts] = text.trim().split('\n\n')
    expect(own).toMatch(/^Files: \*\nCopyright: 2026 the gatewatch authors\nLicense: MIT\n MIT License\n \.\n/)
    const onDebian = ' On Debian systems, the Apache License, Version 2.0 is in /usr/share/common-licenses/Apache-2.0.'
    expect(parts).toEqual([
      'Files: node_modules/@a/b/*\nCopyright: 2020 B\nLicense: MIT-OR-ISC\n Copyright (c) 2020 B\n .\n Permitted.',
      'Files: node/*\nCopyright: Node.js contributors.\nLicense: MIT\n Node.js is licensed for use as follows:\n .\n Copyright Node.js contributors.\n .\n Permission is granted.',
      'Files: node/deps/acorn/*\nCopyright: 2012 by contributors\nLicense: Acorn\n Copyright (C) 2012 by contributors',
      expect.stringMatching(
        /^Files: node\/deps\/icu-small\/\*\nCopyright: 2016 Unicode, Inc\.\nComment: .*GPL-3.*\nLicense: ICU\n/,
      ),
      `Files: node/deps/swc.js\nCopyright: 2014 Somebody\nLicense: swc\n${onDebian}\n .\n Copyright 2014 Somebody`,
    ])
  })

  it('has no empty line, tab or carriage return within a paragraph', () => {
    const licence = join(directory, 'LICENSE')
    writeFileSync(licence, NODE)
    const text: string = copyright([], { version: '24.1.0', licence })
    expect(text).not.toMatch(/[\t\r]|\n\n\n|[ ]\n/)
    for (const line of text.split('\n')) expect(line).toMatch(/^($| |[A-Z][A-Za-z-]*: )/)
  })
})

it("Node's licence is split into the licences of its parts", () => {
  const { own, parts } = licenceParts(NODE)
  expect(own).toMatch(/^Node\.js is licensed[\s\S]*Permission is granted\.$/)
  expect(parts.map(({ name, location }: { name: string; location: string }) => `${name} ${location}`)).toEqual([
    'Acorn deps/acorn',
    'ICU deps/icu-small',
    'swc deps/swc.js',
  ])
})

it('the drop-in of the package, once enabled, is the one that install.sh installs', () => {
  const directives = (path: string) =>
    readFileSync(join(ROOT, path), 'utf8')
      .split('\n')
      .filter((line) => /^(\[|#?\w+=)/.test(line))
  const packaged = directives('deploy/debian/journal.conf')
  expect(packaged).toEqual(['[Service]', '#SupplementaryGroups=systemd-journal'])
  expect(packaged.map((line) => line.replace(/^#/, ''))).toEqual(directives('systemd/drop-ins/journal.conf'))
})
