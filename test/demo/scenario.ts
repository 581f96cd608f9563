// The scenario of the demo: a list of actions on the simulated gateway; one round shows every kind of event.
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Systemd } from '../rig/systemd.ts'

export interface ScenarioStep {
  /** Pause before this step. */
  readonly afterMs: number
  /** As a person at a terminal would describe it. */
  readonly description: string
  readonly run: (systemd: Systemd) => Promise<unknown>
}

const PAUSE_MS = 3_000

export const SCENARIO: readonly ScenarioStep[] = [
  { ...kill('mosquitto', 'SIGKILL', (unit) => `kill -9 ${unit}`), afterMs: 2_500 },
  { ...systemctl('restart', 'wirepas-gateway'), afterMs: 1_500 },
  kill('devmgmt', 'SIGUSR1', (unit) => `${unit} exits with code 3`),
  systemctl('stop', 'wps_button_monitor'),
  kill('edger.connecteddev', 'SIGSEGV', (unit) => `kill -SEGV ${unit}`),
  systemctl('start', 'wps_button_monitor'),
  breakUnit('wirepas-sink-ttys2', 'unplug the serial port of wirepas-sink-ttys2.service'),
  { ...systemctl('start', 'Node-Configuration'), afterMs: 6_000 },
  { ...kill('edger.endries', 'SIGSTOP', (unit) => `${unit} hangs (kill -STOP); its watchdog expires`), afterMs: 2_000 },
  { ...repairUnit('wirepas-sink-ttys2', 'plug it in again and start wirepas-sink-ttys2.service'), afterMs: 6_000 },
  kill('wirepas-sink-ttys1', 'SIGKILL', (unit) => `kill -9 ${unit}`),
  breakUnit('setup_cell_connect', 'remove the modem and restart setup_cell_connect.service', true),
  { ...repairUnit('setup_cell_connect', 'put the modem back'), afterMs: 5_000 },
  kill('wps_button_monitor', 'SIGABRT', (unit) => `kill -ABRT ${unit}`),
  { ...systemctl('start', 'wps_button_monitor'), afterMs: 2_000 },
]

function kill(name: string, signal: string, describe: (unit: string) => string): ScenarioStep {
  const unit = `${name}.service`
  return { afterMs: PAUSE_MS, description: describe(unit), run: (systemd) => systemd.kill(unit, signal, 'main') }
}

/** Queues the job and does not wait for it. */
function systemctl(verb: 'start' | 'stop' | 'restart', name: string): ScenarioStep {
  const unit = `${name}.service`
  return {
    afterMs: PAUSE_MS,
    description: `systemctl ${verb} ${unit}`,
    run: (systemd) => systemd.systemctl(verb, '--no-block', unit),
  }
}

/** A running service notices by itself; a oneshot has to be restarted. */
function breakUnit(name: string, description: string, restart = false): ScenarioStep {
  return {
    afterMs: PAUSE_MS,
    description,
    async run(systemd) {
      writeFileSync(brokenFile(systemd, name), '')
      if (restart) await systemd.systemctl('restart', '--no-block', `${name}.service`)
    },
  }
}

function repairUnit(name: string, description: string): ScenarioStep {
  return {
    afterMs: PAUSE_MS,
    description,
    async run(systemd) {
      rmSync(brokenFile(systemd, name), { force: true })
      await systemd.systemctl('reset-failed', `${name}.service`)
      await systemd.systemctl('start', '--no-block', `${name}.service`)
    },
  }
}

/** While this file exists, the service fails. */
function brokenFile(systemd: Systemd, name: string): string {
  return join(systemd.shareDir, `${name}.broken`)
}
