// D-Bus where it can be had, systemctl where not: chosen anew for each operation, before anything was asked.
import type { UnitControl } from '../ports.ts'
import type { DbusControl } from './control.ts'

/** `told` hears once, in words, why D-Bus cannot be had. */
export function withFallBack(dbus: DbusControl, command: UnitControl, told: (why: string) => void): UnitControl {
  let said = false
  const choose = async (): Promise<UnitControl> => {
    try {
      await dbus.reach()
      return dbus
    } catch (error) {
      if (!said) told(error instanceof Error ? error.message : String(error))
      said = true
      return command
    }
  }
  return {
    act: async (action, unit, noWait) => (await choose()).act(action, unit, noWait),
    daemonReload: async () => (await choose()).daemonReload(),
    list: async () => (await choose()).list(),
    status: async (unit) => (await choose()).status(unit),
    properties: async (unit) => (await choose()).properties(unit),
    close() {
      dbus.close()
      command.close()
    },
  }
}
