// Runs `gatewatch mqtt-clear`: gives the command its configuration and the connection to the broker.
import { type MqttClearRequest, mqttClear } from '../cli/commands/mqtt-clear.ts'
import type { Console, ExitCode, Sources } from '../cli/console.ts'
import type { LoadedConfig } from '../config/load.ts'
import { systemClock as clock } from '../host/clock.ts'
import { thisMachine } from './offline-state.ts'

export function runMqttClear(
  request: MqttClearRequest,
  { config }: LoadedConfig,
  sources: Sources,
  out: Console,
): Promise<ExitCode> {
  const { mqtt } = config
  const connect = async () => (await import('../mqtt/retained/broker.ts')).openRetainedBroker(mqtt, clock)
  const prefixes = { prefix: mqtt.prefix, discoveryPrefix: mqtt.discovery_prefix }
  const { id, persistent } = thisMachine()
  return mqttClear(request, { sources, prefixes, machineId: persistent ? id : null, connect }, out)
}
