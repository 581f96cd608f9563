// Watching only: what is left of a configuration while its file is lost, so that nothing opens that the file had closed.
import { type Config, KEY_NAMES, type Key, valueAt } from './keys.ts'
import { nest } from './merge.ts'

/** The keys that let something in or out, and the value that does not. */
const CLOSED: Partial<Record<Key, unknown>> = {
  import_former: false,
  prometheus_enabled: false,
  'control.enabled': false,
  'mqtt.enabled': false,
  'mqtt.commands': false,
  'remote_write.url': null,
  'notify.enabled': false,
  'statsd.address': null,
}

/** The first parts of all keys that decide what is open, to whom, and how it is protected. */
const DECIDES_ACCESS = /^(prometheus_|listen|web_config_|http|control|mqtt|remote_write|statsd|notify)/

export const WATCHING_ONLY = 'watching only, without TCP, MQTT, remote write, control and import'

/** Environment and command line do not open anything either: the file may have had the password for it. */
export function watchingOnly(config: Config): Config {
  return nest(new Map(KEY_NAMES.map((key) => [key, key in CLOSED ? CLOSED[key] : valueAt(config, key)])))
}

/** True if both open the same, to the same, with the same protection. */
export function opensTheSame(a: Config, b: Config): boolean {
  const keys = KEY_NAMES.filter((key) => DECIDES_ACCESS.test(key))
  const access = (config: Config) => JSON.stringify(keys.map((key) => valueAt(config, key)))
  return access(a) === access(b)
}
