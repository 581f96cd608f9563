// The configurations of brokers in `brokers/`, as options of `startMosquitto`.
import { readFileSync } from 'node:fs'
import type { MosquittoOptions } from '../rig/mosquitto.ts'

/** `name`: of a file in `brokers/`, without `.conf`. */
export function brokerFile(name: string): MosquittoOptions {
  const text = readFileSync(new URL(`brokers/${name}.conf`, import.meta.url), 'utf8')
  return {
    replacement: (directory, port, passwordFile) =>
      text
        .replaceAll('@PORT@', String(port))
        .replaceAll('@DIRECTORY@', directory)
        .replaceAll('@PASSWORD_FILE@', passwordFile),
  }
}
