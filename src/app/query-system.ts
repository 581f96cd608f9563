// The state of systemd as a whole for `gatewatch system` without a running agent: one query over its own connection.
import type { Config } from '../config/keys.ts'
import type { Json } from '../core/views/api-json.ts'
import { connectBus } from '../dbus/connection.ts'
import { systemClock as clock } from '../host/clock.ts'
import { createSystemUsage } from '../host/system-usage.ts'
import { stateDirectory } from '../store/file/paths.ts'
import { WANTED_PROPERTIES } from '../systemd/decode.ts'
import { readSystem } from '../systemd/manager-state.ts'
import { systemJson } from './status.ts'

/** The body of /api/v1/system. Rejects with a message for people if the bus or systemd does not respond. */
export async function querySystem({ bus: address, persistence_file }: Config): Promise<Json> {
  const bus = await connectBus(address, { after: clock.after, properties: WANTED_PROPERTIES })
  try {
    const host = await createSystemUsage(['/', stateDirectory(persistence_file)]).read(clock.now().monoMs)
    return systemJson(await readSystem(bus), host)
  } finally {
    bus.close()
  }
}
