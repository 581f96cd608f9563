// A unit that kills itself again and again and notes when, and how long the agent takes to tell of it.
import { existsSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { createSseReader } from '../../src/core/sse.ts'
import type { Systemd } from './systemd.ts'

export interface CrashTimes {
  /** Milliseconds from each crash to its event so far, in order. */
  read(): number[]
  /** How often it died. */
  deaths(): number
  stop(): void
}

export const UNIT = 'dies.service'

/** Writes and names the unit; whoever calls reloads systemd and starts it. */
export function writeDyingUnit(systemd: Systemd, everyS: number): void {
  const loop = `sleep ${everyS}; date +%%s%%N >>${diary(systemd)}; kill -9 $$$$`
  const restart = 'Restart=always\nRestartSec=0\n'
  systemd.writeUnit(UNIT, `[Unit]\nStartLimitIntervalSec=0\n[Service]\n${restart}ExecStart=/bin/sh -c '${loop}'\n`)
}

/** Follows the agent's stream on its local socket, where no client by TCP is in the way. */
export function crashTimes(systemd: Systemd, socketPath: string): Promise<CrashTimes> {
  const heardAtMs = new Map<number, number>()
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: `/api/v1/stream?unit=${UNIT}&kind=crash` }, (response) => {
      response.setEncoding('utf8')
      response.on(
        'data',
        createSseReader(({ data }) => {
          const { counters } = JSON.parse(data) as { counters: { crashes: number } }
          heardAtMs.set(counters.crashes, Date.now())
        }),
      )
      resolve({
        read: () => {
          const killedAtMs = deaths(systemd)
          return [...heardAtMs].map(([crash, at]) => at - (killedAtMs[crash - 1] ?? Number.NaN))
        },
        deaths: () => deaths(systemd).length,
        stop: () => asked.destroy(),
      })
    })
    asked.on('error', reject)
    asked.end()
  })
}

/** When, in ms. */
function deaths(systemd: Systemd): number[] {
  if (!existsSync(diary(systemd))) return []
  const lines = readFileSync(diary(systemd), 'utf8').trim().split('\n')
  return lines.map((ns) => Number(ns) / 1e6)
}

function diary(systemd: Systemd): string {
  return join(systemd.shareDir, 'deaths')
}
