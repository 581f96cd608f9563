// For tests: the configuration as loaded from the text of a file, an environment and a command line.
import { type Arguments, parseArguments } from '../../src/cli/args.ts'
import { type LoadedConfig, loadConfig } from '../../src/config/load.ts'

const CONFIG_FILE = '/etc/gatewatch/config.json'

/** `file` is the content of /etc/gatewatch/config.json; null: there is no such file. */
export function loadText(file: string | null, env: Record<string, string> = {}, line = ''): Promise<LoadedConfig> {
  const args = parseArguments(line === '' ? [] : line.split(' ')) as Arguments
  const readText = (path: string) => {
    if (file !== null && path === CONFIG_FILE) return file
    throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' })
  }
  return loadConfig(args, { env, uid: 1000, readText })
}

export async function problemsOf(file: string | null, env: Record<string, string> = {}, line = ''): Promise<string[]> {
  return (await loadText(file, env, line)).problems.map(({ text }) => text)
}
