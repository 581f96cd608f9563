// D-Bus where it can be had, systemctl where not: chosen anew for each operation, before anything was asked.
import { ControlError } from '../../core/command.ts'
import { messageOf } from '../../core/error-text.ts'
import type { UnitControl } from '../../ports.ts'
import type { DbusControl } from './dbus-control.ts'

/** `told` hears once, in words, why D-Bus cannot be had though systemctl can. */
export function createFallbackControl(
  dbus: DbusControl,
  command: UnitControl,
  told: (why: string) => void,
): UnitControl {
  let said = false
  const tell = (why: string) => {
    if (!said) told(why)
    said = true
  }

  const instead = async <T>(why: string, ask: (control: UnitControl) => Promise<T>): Promise<T> => {
    try {
      const answer = await ask(command)
      tell(why)
      return answer
    } catch (error) {
      if (!(error instanceof ControlError) || error.code !== 'unreachable') {
        tell(why)
        throw error
      }
      const words = error.message.replace(/^systemd cannot be reached: /, '')
      throw new ControlError('unreachable', `${why}; nor by systemctl: ${words}`, { cause: error })
    }
  }

  const asking = async <T>(ask: (control: UnitControl) => Promise<T>): Promise<T> => {
    const why = await dbus.reach().then(
      () => null,
      (error: unknown) => messageOf(error),
    )
    return why === null ? ask(dbus) : instead(why, ask)
  }

  return {
    run: (action, unit, noWait) => asking((control) => control.run(action, unit, noWait)),
    daemonReload: () => asking((control) => control.daemonReload()),
    list: () => asking((control) => control.list()),
    status: (unit) => asking((control) => control.status(unit)),
    properties: (unit) => asking((control) => control.properties(unit)),
    close() {
      dbus.close()
      command.close()
    },
  }
}
