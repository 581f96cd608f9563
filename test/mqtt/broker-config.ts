// The lines of mosquitto.conf(5) in `brokers/`, as `config` for `startMosquitto`.
import { readFileSync } from 'node:fs'

/** `name`: of a file in `brokers/`, without `.conf`. */
export function brokerConfig(name: string): string {
  return readFileSync(new URL(`brokers/${name}.conf`, import.meta.url), 'utf8')
}
