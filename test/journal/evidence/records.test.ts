// Evidence in journal records: what genuine records prove, and forged ones that prove nothing.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { evidenceJson } from '../../../src/core/explain/evidence.ts'
import { withinLimit } from '../../../src/core/explain/merge-evidence.ts'
import { type CrashedRun, recordsIn } from '../../../src/journal/evidence/records.ts'
import type { JournalEntry } from '../../../src/journal/journal-entry.ts'

const UNIT = 'app.service'
const ID = 'b6365141448c4ff2b52cec1bdde3251f'
const BOOT = '0123456789abcdef0123456789abcdef'
const RUN: CrashedRun = {
  unit: UNIT,
  invocationId: ID,
  bootId: '01234567-89ab-cdef-0123-456789abcdef',
  pid: 4711,
  fromMs: 100_000,
  untilMs: 160_000,
}
const at = (ms: number, entry: JournalEntry): JournalEntry => ({
  _BOOT_ID: BOOT,
  __REALTIME_TIMESTAMP: String(ms * 1000),
  ...entry,
})
/** `entries`: oldest first. */
const found = (entries: readonly JournalEntry[], run: Partial<CrashedRun> = {}) =>
  recordsIn(entries.toReversed(), { ...RUN, ...run })

const CONSUMED = at(160_001, {
  MESSAGE_ID: 'ae8f7b866b0347b9af31fe1c80b127c0',
  _PID: '1',
  _UID: '0',
  INVOCATION_ID: ID,
  CPU_USAGE_NSEC: '12345678901',
  MEMORY_PEAK: '268435456',
  IO_METRIC_READ_BYTES: '18446744073709551615',
  IO_METRIC_WRITE_BYTES: '4096',
})

const STACK = `Process 4711 (app) of user 1000 dumped core.

Module libfoo.so.1 from deb foo-1.0.amd64
Stack trace of thread 4713:
#0  0x00007f9e3a89be2c n/a (libc.so.6 + 0x8ae2c)
#1  0x00007f9e3a84cfb2 raise (/usr/lib/x86_64-linux-gnu/libc.so.6 + 0x3bfb2)
#2  0x000055e4f6f8d139 ns::parse(char const*) (/home/alice/build/app + 0x1139)
#3  0x000055e4f6f8d200 main (app + 0x1200)

Stack trace of thread 4711:
#0  0x00007f9e3a8d1fe6 epoll_wait (libc.so.6 + 0x10efe6)
ELF object binary architecture: AMD x86-64`

const COREDUMP = at(162_000, {
  MESSAGE_ID: 'fc2e22bc6ee647b6b90729ab34a250b1',
  _PID: '5000',
  _UID: '1000',
  _SYSTEMD_UNIT: 'systemd-coredump@3-4990-0.service',
  COREDUMP_UNIT: UNIT,
  COREDUMP_PID: '4711',
  COREDUMP_EXE: '/usr/bin/app',
  COREDUMP_SIGNAL_NAME: 'SIGSEGV',
  COREDUMP_TIMESTAMP: '159000000',
  MESSAGE: STACK,
})

describe('what systemd logged about the consumption of the run', () => {
  test('is taken from its fields; a number that means unknown is left out', () => {
    expect(found([CONSUMED]).evidence).toEqual({
      resources: { cpuMs: 12346, memoryPeak: 268435456, ioWriteBytes: 4096 },
    })
  })

  test.each([
    ['of another user', { _UID: '1000' }],
    ['of another process of root', { _PID: '77' }],
    ['about another run', { INVOCATION_ID: 'f'.repeat(32) }],
    ['of another boot', { _BOOT_ID: 'f'.repeat(32) }],
  ])('counts for nothing in a record %s', (_, forged) => {
    expect(found([{ ...CONSUMED, ...forged }])).toEqual({ evidence: {}, detail: '' })
  })
})

describe("systemd-coredump's record", () => {
  test('has the executable, the signal and the frames of the crashing thread, without directories', () => {
    expect(found([COREDUMP])).toEqual({
      evidence: {
        coredump: {
          executable: '/usr/bin/app',
          signal: 'SIGSEGV',
          frames: [
            'n/a (libc.so.6 + 0x8ae2c)',
            'raise (libc.so.6 + 0x3bfb2)',
            'ns::parse(char const*) (app + 0x1139)',
            'main (app + 0x1200)',
          ],
        },
      },
      detail: 'ns::parse(char const*)',
    })
  })

  test('has at most eight frames, none of them long', () => {
    const frames = Array.from({ length: 20 }, (_, i) => `#${i}  0x0 ${'f'.repeat(500)}${i} (app + 0x${i})`)
    const MESSAGE = `x\nStack trace of thread 1:\n${frames.join('\n')}`
    const { coredump } = found([{ ...COREDUMP, MESSAGE }]).evidence
    expect(coredump?.frames.length).toBe(8)
    for (const frame of coredump?.frames ?? []) expect(frame.length).toBeLessThanOrEqual(160)
  })

  test('leaves out frames that would take long to read', () => {
    const MESSAGE = `x\nStack trace of thread 1:\n#0  0x1 ${'a ('.repeat(300_000)}\n#1  0x2 main (app + 0x1)\n`
    expect(found([{ ...COREDUMP, MESSAGE }]).evidence.coredump?.frames).toEqual(['main (app + 0x1)'])
  })

  test('shows only the name of a program in a home directory', () => {
    const { coredump } = found([{ ...COREDUMP, COREDUMP_EXE: '/home/alice/bin/tool' }]).evidence
    expect(coredump?.executable).toBe('tool')
  })

  test.each([
    ['any local user, who cannot choose the unit that journald records', { _SYSTEMD_UNIT: 'user@1000.service' }],
    ['a process whose unit journald does not know', { _SYSTEMD_UNIT: undefined }],
    ['a unit with a similar name', { _SYSTEMD_UNIT: 'not-systemd-coredump@1.service' }],
    ['systemd-coredump about another process', { COREDUMP_PID: '4712' }],
    ['systemd-coredump about another unit', { COREDUMP_UNIT: 'other.service' }],
  ])('is not believed from %s', (_, forged) => {
    expect(found([{ ...COREDUMP, ...forged }])).toEqual({ evidence: {}, detail: '' })
  })

  test('is recognised by its time if the process is not known', () => {
    expect(found([COREDUMP], { pid: 0 }).evidence.coredump).toBeDefined()
    expect(found([{ ...COREDUMP, COREDUMP_TIMESTAMP: '98000000' }], { pid: 0 }).evidence).toEqual({})
  })
})

describe('an OOM kill', () => {
  const kernel = (ms: number, MESSAGE: string) => at(ms, { _TRANSPORT: 'kernel', SYSLOG_FACILITY: '0', MESSAGE })
  const memcg = (ms: number, unit = 'app.service', pid = 4711) => [
    kernel(ms, 'app invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0'),
    kernel(
      ms,
      `oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/system.slice/${unit},task_memcg=/system.slice/${unit},task=app,pid=${pid},uid=0`,
    ),
    kernel(
      ms,
      `Memory cgroup out of memory: Killed process ${pid} (app) total-vm:541500kB, anon-rss:262144kB, file-rss:1024kB, shmem-rss:0kB, UID:0 pgtables:564kB oom_score_adj:0`,
    ),
  ]
  const OOM = { by: 'kernel', process: 'app', bytes: 263168 * 1024, limitOf: 'app.service' }

  test('by the limit of the unit: which process, how much, whose limit', () => {
    expect(found(memcg(159_990)).evidence).toEqual({ oom: OOM })
  })

  test('by the limit of the slice, of a process in a sub-group', () => {
    const lines = [
      kernel(
        159_990,
        'oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/system.slice,task_memcg=/system.slice/app.service/worker,task=w,pid=9,uid=0',
      ),
      kernel(
        159_990,
        'Memory cgroup out of memory: Killed process 9 (w) total-vm:1kB, anon-rss:8kB, file-rss:0kB, shmem-rss:0kB',
      ),
    ]
    expect(found(lines).evidence.oom).toEqual({ by: 'kernel', process: 'w', bytes: 8192, limitOf: 'system.slice' })
  })

  test('because all memory was used up', () => {
    const lines = [
      kernel(
        159_990,
        'oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/system.slice/app.service,task=app,pid=4711,uid=0',
      ),
      kernel(
        159_990,
        'Out of memory: Killed process 4711 (app) total-vm:9kB, anon-rss:8kB, file-rss:0kB, shmem-rss:0kB',
      ),
    ]
    expect(found(lines).evidence.oom).toMatchObject({ by: 'kernel', limitOf: 'system' })
  })

  test('on a kernel before 5.0', () => {
    const lines = [
      kernel(159_990, 'Task in /system.slice/app.service killed as a result of limit of /system.slice/app.service'),
      kernel(159_990, 'Memory cgroup out of memory: Kill process 4711 (app) score 990 or sacrifice child'),
      kernel(159_990, 'Killed process 4711 (app) total-vm:9kB, anon-rss:8kB, file-rss:4kB, shmem-rss:0kB'),
    ]
    expect(found(lines).evidence.oom).toEqual({ by: 'kernel', process: 'app', bytes: 12288, limitOf: 'app.service' })
  })

  test.each([
    ['of another unit', memcg(159_990, 'app.service.d')],
    ["of a user's unit of the same name", memcg(159_990, 'user@1000.service/app.slice/app.service')],
    ['before the run', memcg(99_000)],
    ['after the run', memcg(161_000)],
    ['that a program wrote to /dev/kmsg', memcg(159_990).map((entry) => ({ ...entry, SYSLOG_FACILITY: '1' }))],
    ['that a program logged', memcg(159_990).map((entry) => ({ ...entry, _TRANSPORT: 'journal' }))],
  ])('%s proves nothing', (_, lines) => {
    expect(found(lines).evidence).toEqual({})
  })

  test('by systemd-oomd names the slice under pressure', () => {
    const MESSAGE =
      'Killed /system.slice/app.service due to memory pressure for /system.slice being 91.20% > 60.00% for > 20s with reclaim activity'
    const record = at(159_900, { _SYSTEMD_UNIT: 'systemd-oomd.service', MESSAGE })
    expect(found([record]).evidence).toEqual({ oom: { by: 'systemd-oomd', limitOf: 'system.slice' } })
    expect(found([{ ...record, _SYSTEMD_UNIT: 'evil.service' }]).evidence).toEqual({})
  })
})

test('whatever the journal contains, nothing is thrown, and evidence fits its limit', () => {
  const fields = [...Object.keys(COREDUMP), ...Object.keys(CONSUMED), '_TRANSPORT', 'SYSLOG_FACILITY', 'PRIORITY']
  const value = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.constantFrom(...Object.values(COREDUMP), ...Object.values(CONSUMED), STACK.repeat(3), 'kernel', '0', null, 7),
    fc.array(fc.nat(255)),
  )
  const entry = fc.dictionary(fc.constantFrom(...fields), value, { maxKeys: fields.length }).map((e) => ({ ...e }))
  const genuine = entry.map((e) => ({ ...e, ...COREDUMP, MESSAGE: e['MESSAGE'] ?? STACK }))
  fc.assert(
    fc.property(fc.array(fc.oneof(entry, genuine), { maxLength: 6 }), (entries) => {
      const { evidence } = found(entries)
      expect(Buffer.byteLength(JSON.stringify(evidenceJson(withinLimit(evidence))))).toBeLessThanOrEqual(2048)
    }),
    { numRuns: 300 },
  )
})

describe('the last error of the run', () => {
  const line = (MESSAGE: string, PRIORITY = '6') =>
    at(159_000, { _PID: '4711', _SYSTEMD_UNIT: UNIT, _SYSTEMD_INVOCATION_ID: ID, MESSAGE, PRIORITY })

  test('names the fault if there are no frames, without what differs between gateways', () => {
    const lines = [line('started'), line('fatal: cannot reach 10.0.0.7:1883', '3'), line('shutting down')]
    expect(found(lines).detail).toBe('fatal: cannot reach #')
    expect(found([line('Error: port 8080 in use'), line('bye')]).detail).toBe('Error: port # in use')
    expect(found([line('all is fine')]).detail).toBe('')
  })

  test('is not that of another run', () => {
    expect(found([{ ...line('fatal', '2'), _SYSTEMD_INVOCATION_ID: 'f'.repeat(32) }]).detail).toBe('')
  })
})
