// gatewatch version: for people and for programs.
import { expect, test } from 'vitest'
import { version } from '../../../src/cli/commands/version.ts'
import { recordingConsole } from '../fake-agent.ts'

test('version is one line, or JSON', () => {
  const node = { node_supported_until: '2099-04-30', node_sha256: 'ab'.repeat(32), node_end_of_life_allowed: false }
  const build = { version: '0.1.0', revision: 'abc', node_version: 'v20.11.0', target: 'linux-arm64', ...node }
  const out = recordingConsole()
  version(build, false, out)
  version(build, true, out)
  expect(out.out()).toBe(`gatewatch 0.1.0 (abc, Node.js v20.11.0, linux-arm64)\n${JSON.stringify(build)}\n`)
})

test('version shows a Node.js past its end of life, from the day after on, and that this was allowed', () => {
  const text = (date: string, node_end_of_life_allowed: boolean) => {
    const out = { ...recordingConsole(), now: () => Date.parse(date) }
    const node = { node_version: 'v20.11.0', node_supported_until: '2026-04-30', node_sha256: null }
    version({ version: '1', revision: 'abc', target: 'linux-armv7', ...node, node_end_of_life_allowed }, false, out)
    return out.out()
  }
  expect(text('2026-04-30T23:59:59Z', true)).toBe('gatewatch 1 (abc, Node.js v20.11.0, linux-armv7)\n')
  const over = 'gatewatch 1 (abc, Node.js v20.11.0, end of life since 2026-04-30'
  expect(text('2026-05-01', false)).toBe(`${over}, linux-armv7)\n`)
  expect(text('2026-05-01', true)).toBe(`${over} (allowed by --allow-end-of-life), linux-armv7)\n`)
})
