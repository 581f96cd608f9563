// What the demo does to the simulated gateway, in order: every kind of event is seen in one round.
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Systemd } from '../rig/systemd.ts'

export interface Deed {
  /** Pause before it. */
  readonly afterMs: number
  /** In the words of a person at a terminal. */
  readonly says: string
  readonly act: (systemd: Systemd) => Promise<unknown>
}

const PAUSE_MS = 3_000

export const DEEDS: readonly Deed[] = [
  { ...kill('mosquitto', 'SIGKILL', (unit) => `kill -9 ${unit}`), afterMs: 2_500 },
  { ...ask('restart', 'wirepas-gateway'), afterMs: 1_500 },
  kill('devmgmt', 'SIGUSR1', (unit) => `${unit} exits by itself, with code 3`),
  ask('stop', 'wps_button_monitor'),
  kill('edger.connecteddev', 'SIGSEGV', (unit) => `kill -SEGV ${unit}`),
  ask('start', 'wps_button_monitor'),
  breaks('wirepas-sink-ttys2', 'unplug the serial port of wirepas-sink-ttys2.service'),
  { ...ask('start', 'Node-Configuration'), afterMs: 6_000 },
  {
    ...kill('edger.endries', 'SIGSTOP', (unit) => `${unit} hangs (kill -STOP), its watchdog will bark`),
    afterMs: 2_000,
  },
  { ...mends('wirepas-sink-ttys2', 'plug it in again, start wirepas-sink-ttys2.service'), afterMs: 6_000 },
  kill('wirepas-sink-ttys1', 'SIGKILL', (unit) => `kill -9 ${unit}`),
  breaks('setup_cell_connect', 'take the modem, restart setup_cell_connect.service', true),
  { ...mends('setup_cell_connect', 'the modem is back'), afterMs: 5_000 },
  kill('wps_button_monitor', 'SIGABRT', (unit) => `kill -ABRT ${unit}`),
  { ...ask('start', 'wps_button_monitor'), afterMs: 2_000 },
]

function kill(name: string, signal: string, words: (unit: string) => string): Deed {
  const unit = `${name}.service`
  return { afterMs: PAUSE_MS, says: words(unit), act: (systemd) => systemd.kill(unit, signal, 'main') }
}

/** Asks systemd and does not wait for it. */
function ask(verb: 'start' | 'stop' | 'restart', name: string): Deed {
  const unit = `${name}.service`
  return {
    afterMs: PAUSE_MS,
    says: `systemctl ${verb} ${unit}`,
    act: (systemd) => systemd.systemctl(verb, '--no-block', unit),
  }
}

/** A service that works notices by itself; a oneshot has to be restarted. */
function breaks(name: string, says: string, restart = false): Deed {
  return {
    afterMs: PAUSE_MS,
    says,
    async act(systemd) {
      writeFileSync(broken(systemd, name), '')
      if (restart) await systemd.systemctl('restart', '--no-block', `${name}.service`)
    },
  }
}

function mends(name: string, says: string): Deed {
  return {
    afterMs: PAUSE_MS,
    says,
    async act(systemd) {
      rmSync(broken(systemd, name), { force: true })
      await systemd.systemctl('reset-failed', `${name}.service`)
      await systemd.systemctl('start', '--no-block', `${name}.service`)
    },
  }
}

function broken(systemd: Systemd, name: string): string {
  return join(systemd.shareDir, `${name}.broken`)
}
