// gatewatch version: for people and for programs.
import { expect, test } from 'vitest'
import { version } from '../../../src/cli/commands/version.ts'
import { recordingConsole } from '../fake-agent.ts'

test('version is one line, or JSON', () => {
  const until = { node_supported_until: '2099-04-30' }
  const build = { version: '0.1.0', revision: 'abc', node_version: 'v20.11.0', target: 'linux-arm64', ...until }
  const out = recordingConsole()
  version(build, false, out)
  version(build, true, out)
  expect(out.out()).toBe(`gatewatch 0.1.0 (abc, Node.js v20.11.0, linux-arm64)\n${JSON.stringify(build)}\n`)
  const old = recordingConsole()
  version({ ...build, node_supported_until: '2001-04-30' }, false, old)
  expect(old.out()).toContain('Node.js v20.11.0, end of life since 2001-04-30, linux-arm64')
})
