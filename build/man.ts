// Writes dist/gatewatch.1, the manual page, from the same pages as `gatewatch help`.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { manualPage } from '../src/cli/man.ts'

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
/** Of the commit, so that the same sources give the same bytes. */
const date = execFileSync('git', ['log', '-1', '--format=%cs'], { encoding: 'utf8' }).trim()

mkdirSync('dist', { recursive: true })
writeFileSync('dist/gatewatch.1', manualPage(version, date))
console.log('dist/gatewatch.1')
