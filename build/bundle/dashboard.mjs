// Builds the dashboard: one page with its minified script and style, compressed, and their digests for the
// Content-Security-Policy.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { brotliCompressSync } from 'node:zlib'
import * as esbuild from 'esbuild'

const FROM = 'src/dashboard'

/** Browsers of 2024 and later. */
const TARGET = ['chrome122', 'firefox128', 'safari17.4']

export async function dashboard() {
  const [script, style] = await Promise.all([minified('main.ts'), minified('style.css')])
  const page = readFileSync(`${FROM}/page.html`, 'utf8')
    .replace(/<!-- .*? -->/g, '')
    .replace(/^\s+|\n/gm, ' ')
    .replace(/> +</g, '><')
    .trim()
  // Functions, because `$` has a special meaning in a replacement string.
  const html = page.replace('/*style*/', () => style).replace('/*script*/', () => script)
  return { page: brotliCompressSync(html).toString('base64'), script: digest(script), style: digest(style) }
}

async function minified(entry) {
  const built = await esbuild.build({
    entryPoints: [`${FROM}/${entry}`],
    bundle: true,
    minify: true,
    format: 'iife',
    target: TARGET,
    charset: 'ascii',
    legalComments: 'none',
    write: false,
    logLevel: 'warning',
  })
  return built.outputFiles[0].text.trim()
}

function digest(text) {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}
