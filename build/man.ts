// Writes the manual page dist/gatewatch.1, from the same texts as `gatewatch help`.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { manualPage } from '../src/cli/man.ts'

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
/** The date of the commit, so that the same sources give the same bytes. */
const date = execFileSync('git', ['log', '-1', '--format=%cs'], { encoding: 'utf8' }).trim()

mkdirSync('dist', { recursive: true })
writeFileSync('dist/gatewatch.1', manualPage(version, date))
console.log('dist/gatewatch.1')
