// Plain English, checked: a short list of words that make a sentence hard to read, and the few correct uses of them.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Use instead: report, publish, request, respond, run, continue, again, `is not a X`, `over HTTP`, `null if`, `this many`. */
const UNCLEAR: readonly RegExp[] = [
  /\b(told|untold|tells?|telling)\b/i,
  /\b(heard|hears)\b/i,
  /\b(anew|afresh|all the same|of its own accord|hung up|a riddle|not well)\b/i,
  /\b(obey|obeys|obeyed|obeying)\b/i,
  /\b(nobody|whoever)\b/i,
  /\bstands?\b/i,
  /\b(was|is|are|were) asked\b|\basked (for|of|to|now|it|systemd|when|by)\b/i,
  /(?<!\bthere )\b(is|are|was|were) no (?!longer\b|more\b|way\b|need\b)[a-z]/i,
  /\bby (TCP|HTTP|MQTT|UDP|D-Bus|WebSocket)\b/,
  /\bwhat (waits|is there|was there)\b/i,
  /\b(goes|went) on\b/i,
  /\b(null|false|true|empty|rejects|throws) where\b/i,
  /\b(so many|so few)\b/i,
]

/** Correct uses: in any file (null) or in one, the text that may stay. */
const ALLOWED: readonly (readonly [file: string | null, text: string])[] = [
  // A user that every Debian system has.
  [null, 'User=nobody'],
  [null, "'nobody'"],
  ['test/e2e/operate.test.ts', 'nobody is not allowed'],
  ['test/e2e/polkit.test.ts', 'nobody'],
]

const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8' })
  .trim()
  .split('\n')
const known = new Set(files)
const read = (file: string) => readFileSync(`${ROOT}/${file}`, 'utf8')

/** This file itself names the words. */
const TEXTS = files.filter(
  (file) =>
    /\.(ts|mts|mjs|cjs|css|html|md|sh|json|yml|service|conf|rules|bb|inc)$/.test(file) &&
    !['test/lint/wording.test.ts', 'package-lock.json'].includes(file),
)

test('sentences use plain words', () => {
  const found = TEXTS.flatMap((file) => {
    const phrases = ALLOWED.flatMap(([where, text]) => (where === null || where === file ? [text] : []))
    return read(file)
      .split('\n')
      .flatMap((line, i) => {
        const rest = phrases.reduce((text, phrase) => text.replaceAll(phrase, ''), line)
        const word = UNCLEAR.map((pattern) => pattern.exec(rest)?.[0]).find((match) => match !== undefined)
        return word === undefined ? [] : [`${file}:${i + 1}: "${word}" in: ${line.trim()}`]
      })
  })
  expect(found).toEqual([])
})

test('each correct use that is listed exists', () => {
  for (const [where, text] of ALLOWED)
    expect(TEXTS.filter((file) => (where === null || where === file) && read(file).includes(text))).not.toEqual([])
})

test('each path of a source file that a document names exists', () => {
  const path = /(?<![\w/.[-])(?:src|test|build|deploy|yocto|systemd)\/[\w./-]+\.(?:ts|mjs|md|json|sh|service|yml)\b/g
  const missing = files
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) => [...read(file).matchAll(path)].map(([name]) => `${file}: ${name}`))
    .filter((line) => !known.has(line.slice(line.indexOf(': ') + 2)))
  expect(missing).toEqual([])
})
