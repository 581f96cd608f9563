// Measures the time from a crash to its event: a unit kills itself repeatedly and records when, and a client follows the event stream.
import { existsSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { createSseReader } from '../../src/core/views/sse.ts'
import type { Systemd } from './systemd.ts'

export interface CrashTimes {
  /** Milliseconds from each crash to its event so far, in order. */
  read(): number[]
  /** How often the unit has died. */
  deaths(): number
  stop(): void
}

export const DYING_UNIT = 'dies.service'

/** Writes the unit file; the caller reloads systemd and starts the unit. */
export function writeDyingUnit(systemd: Systemd, everyS: number): void {
  const loop = `sleep ${everyS}; date +%%s%%N >>${deathLog(systemd)}; kill -9 $$$$`
  const restart = 'Restart=always\nRestartSec=0\n'
  systemd.writeUnit(
    DYING_UNIT,
    `[Unit]\nStartLimitIntervalSec=0\n[Service]\n${restart}ExecStart=/bin/sh -c '${loop}'\n`,
  )
}

/** Follows the agent's stream on its local socket, without interference from TCP clients. */
export function crashTimes(systemd: Systemd, socketPath: string): Promise<CrashTimes> {
  const receivedAtMs = new Map<number, number>()
  return new Promise((resolve, reject) => {
    const streaming = request({ socketPath, path: `/api/v1/stream?unit=${DYING_UNIT}&kind=crash` }, (response) => {
      response.setEncoding('utf8')
      response.on(
        'data',
        createSseReader(({ data }) => {
          const { counters } = JSON.parse(data) as { counters: { crashes: number } }
          receivedAtMs.set(counters.crashes, Date.now())
        }),
      )
      resolve({
        read: () => {
          const killedAtMs = deathTimes(systemd)
          return [...receivedAtMs].map(([crash, at]) => at - (killedAtMs[crash - 1] ?? Number.NaN))
        },
        deaths: () => deathTimes(systemd).length,
        stop: () => streaming.destroy(),
      })
    })
    streaming.on('error', reject)
    streaming.end()
  })
}

/** When the unit died, ms. */
function deathTimes(systemd: Systemd): number[] {
  if (!existsSync(deathLog(systemd))) return []
  const lines = readFileSync(deathLog(systemd), 'utf8').trim().split('\n')
  return lines.map((ns) => Number(ns) / 1e6)
}

function deathLog(systemd: Systemd): string {
  return join(systemd.shareDir, 'deaths')
}
