// Unit control over D-Bus, or with systemctl if the bus is not available; chosen for each operation before it is sent.
import { ControlError } from '../../core/command.ts'
import { messageOf } from '../../core/error-text.ts'
import type { UnitControl } from '../../ports.ts'
import type { DbusControl } from './dbus-control.ts'

/** `onFallback` is called once, with the reason why D-Bus is not available although systemctl is. */
export function createFallbackControl(
  dbus: DbusControl,
  command: UnitControl,
  onFallback: (why: string) => void,
): UnitControl {
  let reported = false
  const report = (why: string) => {
    if (!reported) onFallback(why)
    reported = true
  }

  const overSystemctl = async <T>(why: string, operation: (control: UnitControl) => Promise<T>): Promise<T> => {
    try {
      const result = await operation(command)
      report(why)
      return result
    } catch (error) {
      if (!(error instanceof ControlError) || error.code !== 'unreachable') {
        report(why)
        throw error
      }
      const words = error.message.replace(/^cannot reach systemd: /, '')
      throw new ControlError('unreachable', `${why}; systemctl failed too: ${words}`, { cause: error })
    }
  }

  const run = async <T>(operation: (control: UnitControl) => Promise<T>): Promise<T> => {
    const why = await dbus.reach().then(
      () => null,
      (error: unknown) => messageOf(error),
    )
    return why === null ? operation(dbus) : overSystemctl(why, operation)
  }

  return {
    run: (action, unit, noWait) => run((control) => control.run(action, unit, noWait)),
    daemonReload: () => run((control) => control.daemonReload()),
    list: () => run((control) => control.list()),
    status: (unit) => run((control) => control.status(unit)),
    properties: (unit) => run((control) => control.properties(unit)),
    close() {
      dbus.close()
      command.close()
    },
  }
}
