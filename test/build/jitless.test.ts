// The agent without V8's compilers (`--jitless`), as MemoryDenyWriteExecute= requires, on the Node.js of the executables.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hashSync } from 'bcryptjs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Gatewatch, removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { describeUnless } from '../rig/unavailable.ts'
import { noBuild, ROOT } from './executable.ts'

const NO_BUS = 'unix:path=/no/such/bus'

describeUnless(noBuild(), 'without compilers', () => {
  const directory = temporaryDirectory()
  let agent: Gatewatch

  beforeAll(async () => {
    const { baseOf } = await import(join(ROOT, 'build/executable/base.mjs'))
    const binary = join(directory, 'gatewatch')
    const node = baseOf('x64', undefined, () => {}).path
    writeFileSync(binary, `#!/bin/sh\nexec '${node}' --jitless '${join(ROOT, 'dist/gatewatch.cjs')}' "$@"\n`)
    chmodSync(binary, 0o755)
    const web = join(directory, 'web.yml')
    writeFileSync(web, `basic_auth_users:\n  prom: ${hashSync('secret', 4)}\n`)
    const home = join(directory, 'home')
    mkdirSync(home)
    const env = { GATEWATCH_WEB_CONFIG_FILE: web }
    agent = await startGatewatch({ directory: home, binary, busAddress: NO_BUS, services: ['a'], env }, false)
  }, 900_000)
  afterAll(async () => {
    await agent?.end()
    removeDirectory(directory)
  })

  it('a password is checked', { timeout: 60_000 }, async () => {
    const scrape = async (password: string) => {
      const authorization = `Basic ${Buffer.from(`prom:${password}`).toString('base64')}`
      return (await fetch(`${agent.url}/metrics`, { headers: { authorization } })).status
    }
    expect(await scrape('secret')).toBe(200)
    expect(await scrape('other')).toBe(401)
  })
})
