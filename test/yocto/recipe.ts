// The recipe of the Yocto layer without bitbake: its variables, and its do_install, run by bash as bitbake would.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../build/executable.ts'
import { VERSION } from '../build/gateway-root.ts'

export const LAYER = join(ROOT, 'yocto/meta-gatewatch')
const RECIPES = join(LAYER, 'recipes-gatewatch/gatewatch')
export const read = (...path: string[]) => readFileSync(join(...path), 'utf8')
/** In these texts `${PN}` is `<PN>`. */
export const withoutBraces = (text: string) => text.replace(/\$\{(\w+)\}/g, '<$1>').replace(/ *\\\n */g, ' ')
export const RECIPE = withoutBraces(read(RECIPES, 'gatewatch.inc'))
export const SOURCES_RECIPE = read(RECIPES, `gatewatch_${VERSION}.bb`)
export const EXAMPLE = withoutBraces(read(LAYER, 'examples/gatewatch_%.bbappend'))

/** OpenEmbedded's names of the targets. */
export const OVERRIDES = { arm64: 'aarch64', armv7: 'arm', x64: 'x86-64' } as const

/** The value of a variable. */
export const variableOf = (key: string, text = RECIPE) =>
  text
    .split('\n')
    .find((line) => new RegExp(`^${key.replace(/[[\]$.{}+]/g, '\\$&')} (\\?|\\+)?=\\+? `).test(line))
    ?.replace(/^[^"]*"(.*)"$/, '$1')

/** The words of a variable, with what an override appends. */
export const wordsOf = (key: string, override?: string) =>
  `${variableOf(key)} ${override === undefined ? '' : (variableOf(`${key}:append:${override}`) ?? '')}`
    .trim()
    .split(/\s+/)

const DIRECTORIES: Readonly<Record<string, string>> = {
  bindir: '/usr/bin',
  datadir: '/usr/share',
  mandir: '/usr/share/man',
  nonarch_libdir: '/usr/lib',
  sysconfdir: '/etc',
  systemd_system_unitdir: '/usr/lib/systemd/system',
  PN: 'gatewatch',
}

/** With OE-core's directories. */
const expanded = (text: string, values: Readonly<Record<string, string>>) =>
  text.replace(/<(\w+)>/g, (whole, name) => values[name] ?? DIRECTORIES[name] ?? whole)

export interface Installed {
  /** The unpacked tarball. */
  readonly unpacked: string
  /** The directory that the recipe installs to. */
  readonly image: string
  readonly stateDirectory?: string
  readonly packageConfig?: string
  /** The text of a bbappend, and the directory of the files that it adds. */
  readonly append?: string
  readonly files?: string
}

/** Runs do_install; the installed files, each with the package that contains it. */
export function install({ unpacked, image, append = '', files = '', ...options }: Installed): Record<string, string> {
  const stateDirectory = options.stateDirectory ?? variableOf('GATEWATCH_STATE_DIR', append) ?? '/var/lib/gatewatch'
  const values = { S: unpacked, D: image, UNPACKDIR: files, GATEWATCH_STATE_DIR: stateDirectory }
  const bodies = [RECIPE, append].map((text) => /^do_install(?::append)?\(\) \{\n([\s\S]*?)^\}/m.exec(text)?.[1] ?? '')
  const script = expanded(bodies.join(''), values).replace(
    /\$\{@bb\.utils\.contains\('PACKAGECONFIG', '(\w+)', 'true', 'false', d\)\}/g,
    (_, word) => String(options.packageConfig === word),
  )
  const { status, stderr } = spawnSync('bash', ['-euc', script], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`do_install failed: ${stderr}`)
  const names = readdirSync(image, { recursive: true, encoding: 'utf8' })
  const paths = names.filter((name) => statSync(join(image, name)).isFile()).map((name) => `/${name}`)
  return Object.fromEntries(paths.sort().map((path) => [path, packageOf(path, values)]))
}

/** The first package in the order of OE-core whose FILES contain the path; those of -doc and -bash-completion are OE-core's. */
function packageOf(path: string, values: Readonly<Record<string, string>>): string {
  const own = (variableOf('PACKAGES') ?? '').split(' ')
  const first = own.find((name) =>
    (variableOf(`FILES:${name}`) ?? '').split(' ').some((files) => isIn(path, files, values)),
  )
  if (first !== undefined) return first.replace('<PN>', 'gatewatch')
  if (path.startsWith('/usr/share/man/')) return 'gatewatch-doc'
  if (path.startsWith('/usr/share/bash-completion/')) return 'gatewatch-bash-completion'
  const files = `/usr/bin /etc ${variableOf('FILES:<PN>')}`
  return files.split(' ').some((one) => isIn(path, one, values)) ? 'gatewatch' : 'none'
}

const isIn = (path: string, files: string, values: Readonly<Record<string, string>>) =>
  path.startsWith(`${expanded(files, values)}/`)
