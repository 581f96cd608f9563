// What the API responds about the unit of the scene `one-crashed` that gave up.
import type { Page } from 'playwright-core'
import type { Explanation, UnitDetails } from '../../src/dashboard/card/unit-views.ts'

const DAY_MS = 86_400_000

function detailsOf(nowMs: number): UnitDetails {
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
      `devmgmt.service crashed at ${at(0).replace('T', ' ').slice(0, 19)}Z (12 min ago): its main process was ended by SIGKILL.`,
      'The run had lasted 11 h 27 min.',
      'The kernel killed devmgmt (61.0 MiB resident), because the memory limit of devmgmt.service was reached.',
      'Memory of the run: last seen 58.3 MiB, limit 64.0 MiB (MemoryMax=).',
      'With the same cause: 2 crashes in 24 h, 2 in 7 days, this one included.',
      'systemd gave up: the start limit of 2 starts in 24 h was reached (StartLimitBurst=, StartLimitIntervalSec=).',
      'What you can do: correct the cause; then run `gatewatch reset-failed devmgmt.service` and `gatewatch start devmgmt.service`.',
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
    log: ['connected to mqtt://127.0.0.1', 'queue: 4096 messages', 'queue: 8192 messages'],
  }
}

/** Responds with these data, and `more`, for each unit; returns how often the explanation was requested. */
export async function routeCardData(page: Page, more: Partial<Explanation> = {}): Promise<() => number> {
  const nowMs = Date.now()
  let explained = 0
  await page.route('**/api/v1/units/*', async (route) => {
    const unit = (await (await route.fetch()).json()) as object
    await route.fulfill({ json: { ...unit, ...detailsOf(nowMs) } })
  })
  await page.route('**/api/v1/units/*/explain', (route) => {
    explained += 1
    return route.fulfill({ json: { ...explanationOf(nowMs), ...more } })
  })
  return () => explained
}
