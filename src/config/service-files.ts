// Where the service may write files: its sandbox (ProtectSystem=strict) allows only its own directories and those of its
// drop-ins. Pure.
import { basename, resolve } from 'node:path'
import type { WrittenFile } from './keys.ts'
import { SYSTEM_PATHS } from './paths.ts'

/** Directories that the shipped unit may write to; with PrivateTmp= the last two are its own. */
const SHIPPED = ['/var/lib/gatewatch', '/run/gatewatch', '/tmp', '/var/tmp']
const LOGS = '/var/log/gatewatch'
const DROP_IN = '/etc/systemd/system/gatewatch.service.d/log-files.conf'

/** The parents of the directories that systemd creates for a unit, by setting (systemd.exec(5)); paths as they are: ''. */
const PARENTS: Readonly<Record<string, string>> = {
  StateDirectory: '/var/lib/',
  CacheDirectory: '/var/cache/',
  LogsDirectory: '/var/log/',
  RuntimeDirectory: '/run/',
  ReadWritePaths: '',
  DeviceAllow: '',
}

/** What the service may write to, with these texts of its unit file and drop-ins; `/`: everything. */
export function writablePaths(unitTexts: readonly string[]): readonly string[] {
  const paths = [...SHIPPED]
  for (const [, setting = '', value = ''] of unitTexts.join('\n').matchAll(/^\s*(\w+)\s*=\s*(.*?)\s*$/gm)) {
    const parent = PARENTS[setting]
    const words = value.split(/\s+/).filter((word) => word !== '')
    if (parent !== undefined) paths.push(...words.map((word) => parent + word.replace(/^[-+]+|:.*$/g, '')))
    // The last one applies; a drop-in comes after the unit file.
    if (setting === 'ProtectSystem' && value !== 'strict') paths.push('/')
    if (setting === 'DevicePolicy' && value === 'auto') paths.push('/dev')
  }
  return paths
}

export function isWritable(path: string, writable: readonly string[]): boolean {
  const file = resolve(path)
  return writable.some((one) => one !== '' && (file === one || file.startsWith(one.endsWith('/') ? one : `${one}/`)))
}

/** What to do so that the service can write the file that `key` names; a clause that ends with a command. */
export function fixForService(key: WrittenFile, path: string): string {
  if (key === 'persistence_file' && path.startsWith('/dev/')) return `${PARTITION}; run 'gatewatch help format'`
  if (key === 'persistence_file') return `remove ${key}, so that the state is in ${SYSTEM_PATHS.stateFile}`
  const first = path.startsWith(`${LOGS}/`) ? '' : `set ${key} to ${LOGS}/${basename(path)}, `
  return `${first}allow it with the drop-in ${DROP_IN}: ${COMMAND}`
}

const PARTITION =
  'a partition needs the drop-in partition.conf (DeviceAllow=) and the udev rule partition.rules, which gives it to the user gatewatch'

const COMMAND = [
  `mkdir -p ${DROP_IN.replace(/\/[^/]*$/, '')}`,
  `printf '[Service]\\nLogsDirectory=gatewatch\\n' >${DROP_IN}`,
  'systemctl daemon-reload',
  'systemctl restart gatewatch',
].join(' && ')
