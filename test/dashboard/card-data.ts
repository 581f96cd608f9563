// What the API responds about the unit of the scene `one-crashed` that gave up.
import type { Explanation, UnitDetails } from '../../src/dashboard/card/unit-views.ts'

const DAY_MS = 86_400_000

export function detailsOf(nowMs: number): UnitDetails {
  const day = (ago: number) => new Date(nowMs - ago * DAY_MS).toISOString().slice(0, 10)
  return {
    description: 'Device management client',
    active_entered: new Date(nowMs - 699 * 60_000).toISOString(),
    main_pid: 0,
    restarts: 1,
    memory_bytes: 48 * 1024 * 1024,
    cpu_seconds: 3.2,
    tasks: 7,
    file: '/lib/systemd/system/devmgmt.service',
    drop_ins: ['/etc/systemd/system/devmgmt.service.d/limits.conf'],
    dependencies: {
      Requires: ['sysinit.target', 'mosquitto.service'],
      Wants: ['network-online.target'],
      WantedBy: ['multi-user.target'],
    },
    history: {
      days: [
        { day: day(24), starts: 1, stops: 1, crashes: 0, lost: 0 },
        { day: day(17), starts: 3, stops: 0, crashes: 3, lost: 0 },
        { day: day(16), starts: 12, stops: 0, crashes: 12, lost: 0 },
        { day: day(9), starts: 1, stops: 0, crashes: 0, lost: 1 },
        { day: day(0), starts: 1, stops: 0, crashes: 2, lost: 0 },
      ],
      signatures: [
        {
          signature: '9f02ab34cd56',
          result: 'signal',
          exit_code: null,
          signal: 'SIGKILL',
          core_dumped: false,
          count: 2,
          last: new Date(nowMs - 12 * 60_000).toISOString(),
        },
        {
          signature: '5ab1c0de77e1',
          result: 'exit-code',
          exit_code: 3,
          signal: null,
          core_dumped: false,
          count: 15,
          last: new Date(nowMs - 16 * DAY_MS).toISOString(),
        },
      ],
    },
  }
}

export function explanationOf(nowMs: number): Explanation {
  const at = (beforeMs: number) => new Date(nowMs - 12 * 60_000 - beforeMs).toISOString()
  return {
    sentences: [
      'devmgmt.service crashed at 00:16:13: it was killed by SIGKILL.',
      'The run had lasted 11 h 27 min.',
      'The kernel killed devmgmt (61.0 MiB resident), because the memory limit of devmgmt.service was reached.',
      'Memory of the run: peak 64.0 MiB, limit 64.0 MiB (MemoryMax=).',
      'With the same cause: 2 crashes in 24 h, 2 in 7 days, this one included.',
      'systemd will not restart it: it was started too often. After the reason is removed, run `systemctl reset-failed devmgmt.service` and start it.',
    ],
    timeline: [
      {
        timestamp: at(41_000),
        ms_before: 41_000,
        service: 'mosquitto.service',
        event: 'restart',
        text: 'restart 4, start 5',
      },
      {
        timestamp: at(0),
        ms_before: 0,
        service: 'devmgmt.service',
        event: 'crash',
        text: 'SIGKILL, will not restart (crash 2)',
      },
    ],
    frames: ['parse_frame (devmgmt + 0x41f0)', 'read_loop (devmgmt + 0x2210)', 'main (devmgmt + 0x1080)'],
    log: ['reading configuration', 'connected to mqtt://127.0.0.1', '<b>queue is full</b>'],
  }
}
