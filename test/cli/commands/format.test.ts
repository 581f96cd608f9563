// gatewatch format: the question, the answers, and what happens without a terminal.
import { expect, test } from 'vitest'
import { format } from '../../../src/cli/commands/format.ts'
import { recordingConsole } from '../fake-agent.ts'

const DEVICE = '/dev/disk/by-partlabel/gatewatch'

function setUp(former: { units: number } | null = null) {
  const done: string[] = []
  const prepared = {
    path: '/dev/mmcblk0p5',
    bytes: 4 * 1024 * 1024,
    former,
    format: async () => void done.push('format'),
    close: async () => void done.push('close'),
  }
  return { done, prepare: async () => prepared, out: recordingConsole() }
}

test('formats after a yes, and names the next step', async () => {
  const { done, prepare, out } = setUp()
  const questions: string[] = []
  const confirm = async (question: string) => questions.push(question) > 0
  expect(await format({ device: DEVICE, yes: false }, { prepare, confirm }, out)).toBe(0)
  expect(questions).toEqual([`Format ${DEVICE} (/dev/mmcblk0p5), 4,096 KiB, blank? [y/N] `])
  expect(done).toEqual(['format', 'close'])
  expect(out.err()).toBe(`gatewatch: formatted ${DEVICE}; set persistence_file to "${DEVICE}" and restart gatewatch\n`)
})

test('changes nothing after a no, and says what would have been erased', async () => {
  const { done, prepare, out } = setUp({ units: 12 })
  const questions: string[] = []
  const confirm = async (question: string) => questions.push(question) === 0
  expect(await format({ device: '/dev/mmcblk0p5', yes: false }, { prepare, confirm }, out)).toBe(1)
  expect(questions).toEqual([
    'Format /dev/mmcblk0p5, 4,096 KiB, the counters of 12 units, which will be erased? [y/N] ',
  ])
  expect(done).toEqual(['close'])
  expect(out.err()).toBe('gatewatch: nothing was changed\n')
})

test('without a terminal it refuses, and --yes answers', async () => {
  const { done, prepare, out } = setUp()
  await expect(format({ device: DEVICE, yes: false }, { prepare, confirm: null }, out)).rejects.toThrow(
    `${DEVICE}: stdin is not a terminal, so the question cannot be answered; nothing was changed (--yes answers it)`,
  )
  expect(done).toEqual(['close'])
  expect(await format({ device: DEVICE, yes: true }, { prepare, confirm: null }, out)).toBe(0)
  expect(done).toEqual(['close', 'format', 'close'])
})

test('--yes overrides no refusal', async () => {
  const { out } = setUp()
  const prepare = async () => {
    throw new Error('/dev/mmcblk0: it is a whole disk, not a partition; nothing was changed')
  }
  await expect(format({ device: '/dev/mmcblk0', yes: true }, { prepare, confirm: null }, out)).rejects.toThrow(
    'whole disk',
  )
})
