// Plain English, checked: a short list of words that make a sentence hard to read, and the few correct uses of them.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** What to write instead: report, publish, request, respond, run, not a X, again, over HTTP. */
const UNCLEAR: readonly RegExp[] = [
  /\b(told|tells?|telling) (of|that|us|it|them|him|people|systemd|the|a|what|how|why|whether|by|once|twice|apart|over)\b/i,
  /\b(un)?told\b/i,
  /\b(heard|hears?) (of|from|by|that|nothing|it|us|them|commands)\b/i,
  /\bheard\b/i,
  /\b(anew|afresh|all the same|of its own accord|hung up|a riddle|not well)\b/i,
  /\b(obey|obeys|obeyed|obeying)\b/i,
  /\b(nobody|no one|whoever)\b/i,
  /\bstands?\b/i,
  /\bwas asked\b|\bis asked\b|\basked (for|of|to|now|it|systemd|when|by)\b/i,
  /\b(?<!there )(is|are|was|were) no (?!longer\b|more\b|way\b|need\b)[a-z]/i,
  /\bby (TCP|HTTP|MQTT|UDP|D-Bus|TLS|WebSocket)\b/,
  /\b(what|which) (waits|is there|was there|is missing there)\b/i,
  /\bgoes on\b|\bwent on\b/i,
]

/** Correct uses: file, then the text that may stay. */
const ALLOWED: readonly (readonly [file: string, text: string])[] = []

/** The list itself names the words. */
const THIS = 'test/lint/wording.test.ts'

const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8' })
  .trim()
  .split('\n')
  .filter((file) => /\.(ts|mts|mjs|cjs|css|html|md|sh|json|yml|service|conf|rules|bb|inc)$/.test(file))
  .filter((file) => ![THIS, 'package-lock.json'].includes(file))

test('sentences use plain words', () => {
  const found = files.flatMap((file) => {
    const lines = readFileSync(`${ROOT}/${file}`, 'utf8').split('\n')
    return lines.flatMap((line, i) => {
      const allowed = ALLOWED.filter(([where]) => where === file).map(([, text]) => text)
      const rest = allowed.reduce((text, phrase) => text.replace(phrase, ''), line)
      const word = UNCLEAR.map((pattern) => pattern.exec(rest)?.[0]).find((match) => match !== undefined)
      return word === undefined ? [] : [`${file}:${i + 1}: "${word}" in: ${line.trim()}`]
    })
  })
  expect(found).toEqual([])
})

test('every correct use that is listed exists', () => {
  for (const [file, text] of ALLOWED) expect(readFileSync(`${ROOT}/${file}`, 'utf8')).toContain(text)
})

test('every path that a document or comment names exists', () => {
  const missing = files.flatMap((file) =>
    [
      ...readFileSync(`${ROOT}/${file}`, 'utf8').matchAll(
        /(?<![\w/.-])(?:src|build|deploy|yocto|systemd)\/[\w./-]+\.(?:ts|mjs|md|json|sh|service|yml)\b/g,
      ),
    ]
      .map(([path]) => path)
      .filter((path) => file.endsWith('.md') && !tracked.has(path))
      .map((path) => `${file}: ${path}`),
  )
  expect(missing).toEqual([])
})
const tracked = new Set(files)
