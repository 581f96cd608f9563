// Limits per address of the built agent, with real addresses: no client can lock another one out.
import { execFile, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { describeUnless, missingPrograms, notRoot } from '../rig/unavailable.ts'

const SCENARIO = fileURLToPath(new URL('peers-in-namespace.ts', import.meta.url))

function noNetworkNamespace(): string | null {
  const { status, stderr } = spawnSync('unshare', ['--net', 'ip', 'link', 'set', 'lo', 'up'], { encoding: 'utf8' })
  return status === 0 ? null : `network namespaces are not permitted: ${stderr?.trim()}`
}

describeUnless(
  missingPrograms('ip', 'unshare') ?? notRoot() ?? noNetworkNamespace(),
  'hostile clients with addresses of their own',
  () => {
    test('slow connections and unknown users of one address or network do not affect others', async () => {
      const args = ['--net', process.execPath, '--import', 'tsx', SCENARIO]
      const { stdout } = await promisify(execFile)('unshare', args, { timeout: 120_000 })
      expect(JSON.parse(stdout)).toEqual({
        served: [200, 200, 200, 200],
        known: [200, 200],
        first: [200, 200, 200],
        flood: [401, 429],
      })
    })
  },
)
