// A real power cut, as far as a machine that stays up can have one: ext4 on a loop device, frozen as it is (FS_IOC_SHUTDOWN).
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { recover } from '../../src/store/recovery.ts'
import { takeUp } from '../../src/store/take-up.ts'
import { crashesOf, freshState } from './sample.ts'

/** 1.3 s each; more of them with GATEWATCH_CUTS. */
const CUTS = Number(process.env['GATEWATCH_CUTS'] ?? 10)
/** `_IOR('X', 125, __u32)` with EXT4_GOING_FLAGS_NOLOGFLUSH: nothing more reaches the device, the journal included. */
const SHUTDOWN = `import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))`

const directory = mkdtempSync(join(tmpdir(), 'gatewatch-cut-'))
const image = join(directory, 'image')
const mounted = join(directory, 'mnt')
const path = join(mounted, 'state.ring')
let possible = false
/** Keeps a mount namespace of our own: a copy of the mount in anyone else's would keep the frozen file system alive. */
let keeper: ChildProcess | null = null
const inside = () => ['-t', String(keeper?.pid), '-m', `--wd=${process.cwd()}`, '--']
const run = (...command: string[]) => spawnSync('nsenter', [...inside(), ...command], { encoding: 'utf8' })
const mount = () => run('mount', '-o', 'loop', image, mounted)

beforeAll(async () => {
  mkdirSync(mounted)
  spawnSync('truncate', ['-s', '32M', image])
  if (spawnSync('mkfs.ext4', ['-q', '-b', '4096', image]).status !== 0) return
  keeper = spawn('unshare', ['-m', '--propagation', 'private', 'sh', '-c', 'echo ready; exec sleep 600'])
  const ready = new Promise((resolve) => keeper?.stdout?.once('data', resolve))
  const ended = new Promise((resolve) => keeper?.once('close', resolve))
  await Promise.race([ready, ended])
  possible = keeper.exitCode === null && run('python3', '-c', '').status === 0 && mount().status === 0
  if (possible) run('umount', mounted)
})

afterAll(() => {
  keeper?.kill()
  rmSync(directory, { recursive: true, force: true })
})

interface Told {
  acked: number
  seen: number
  seq: number
}

/** Starts an agent, cuts the power after `ms`, and mounts what is left. */
async function cutAfter(ms: number, synced: 'synced' | 'unsynced'): Promise<Told> {
  expect(mount().stderr).toBe('')
  const program = ['--import', 'tsx', join(import.meta.dirname, 'powercut-agent.mts'), path, synced]
  const agent = spawn('nsenter', [...inside(), process.execPath, ...program])
  const text: string[] = []
  agent.stdout.on('data', (data: Buffer) => void text.push(data.toString()))
  await until(agent, () => text.join('').includes('acked'))
  await new Promise((resolve) => setTimeout(resolve, ms))
  const before = told(text.join(''))
  expect(run('python3', '-c', SHUTDOWN, mounted).stderr).toBe('')
  agent.kill('SIGKILL')
  await new Promise((resolve) => agent.once('close', resolve))
  const after = told(text.join(''))
  expect(run('umount', mounted).stderr).toBe('')
  expect(mount().stderr).toBe('')
  return { acked: before.acked, seen: after.seen, seq: after.seq }
}

async function until(agent: ChildProcess, is: () => boolean): Promise<void> {
  while (!is()) {
    if (agent.exitCode !== null) throw new Error('the agent ended')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

function told(text: string): Told {
  const last = (word: string) =>
    Number(
      text
        .match(new RegExp(`^${word} \\d+$`, 'gm'))
        ?.at(-1)
        ?.split(' ')[1] ?? 0,
    )
  return { acked: last('acked'), seen: last('seen'), seq: last('seq') }
}

/** What an agent would find now: the total of crashes, and the number its events go on from. */
function found(): { total: number; seq: number } {
  const file = recover(spawnSync('nsenter', [...inside(), 'cat', path], { maxBuffer: 2 ** 24 }).stdout)
  const { state } = takeUp(file, [], null, freshState(2)(), false)
  run('umount', mounted)
  return { total: file.state === null ? -1 : crashesOf(file.state).reduce((a, b) => a + b), seq: state.seq }
}

test(
  'nothing that was acknowledged is lost, nothing is there that never was, and no number comes twice',
  async (context) => {
    if (!possible) return context.skip('needs root, loop devices, mkfs.ext4 and python3')
    let lost = 0
    for (let i = 0; i < CUTS; i++) {
      const { acked, seen, seq } = await cutAfter((i * 37) % 101, 'synced')
      const now = found()
      expect(now.total).toBeGreaterThanOrEqual(acked)
      expect(now.total).toBeLessThanOrEqual(seen)
      expect(now.seq).toBeGreaterThanOrEqual(seq)
      lost += seen - now.total
    }
    console.log(`${CUTS} cuts: ${lost} steps that were still in flight were lost`)
  },
  CUTS * 10_000,
)

test('without fdatasync the same cut loses what it should have kept', async (context) => {
  if (!possible) return context.skip('needs root, loop devices, mkfs.ext4 and python3')
  let lost = 0
  for (let i = 0; i < 3; i++) {
    const { acked } = await cutAfter(100, 'unsynced')
    lost += Math.max(0, acked - found().total)
  }
  expect(lost).toBeGreaterThan(0)
}, 60_000)
