// The linter enforces the import law and the purity of the core: each rule is broken here once.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const BIOME = join(ROOT, 'node_modules/@biomejs/biome/bin/biome')

const IMPORT = 'lint/style/noRestrictedImports'
const GLOBAL = 'lint/style/noRestrictedGlobals'
const PLUGIN = 'plugin'

const imports = (from: string) => `import { a } from '${from}'\n\nexport const b = a\n`
const exportsValue = (expression: string) => `export const b = ${expression}\n`

const FORBIDDEN: readonly (readonly [file: string, text: string, rule: string])[] = [
  ['src/core/node-builtin.ts', imports('node:fs'), IMPORT],
  ['src/core/package.ts', imports('valibot'), IMPORT],
  ['src/core/outside.ts', imports('../ports.ts'), IMPORT],
  ['src/core/adapter.ts', imports('../store/file.ts'), IMPORT],
  ['src/core/views/outside.ts', imports('../../ports.ts'), IMPORT],
  ['src/core/views/package.ts', imports('valibot'), IMPORT],
  ['src/core/type-only.ts', "import type { A } from '../ports.ts'\n\nexport type B = A\n", IMPORT],
  ['src/core/re-export.ts', "export { a } from '../ports.ts'\n", IMPORT],
  ['src/core/dynamic.ts', "export const a = () => import('node:fs')\n", IMPORT],
  ['src/core/date-now.ts', exportsValue('Date.now()'), PLUGIN],
  ['src/core/date-now-reference.ts', exportsValue('[Date.now]'), PLUGIN],
  ['src/core/new-date.ts', exportsValue('new Date()'), PLUGIN],
  ['src/core/date-string.ts', exportsValue('Date()'), PLUGIN],
  ['src/core/random.ts', exportsValue('Math.random()'), PLUGIN],
  ['src/core/timer.ts', exportsValue('setTimeout(() => {}, 1)'), GLOBAL],
  ['src/core/timer-reference.ts', exportsValue('[setInterval]'), GLOBAL],
  ['src/core/process.ts', exportsValue('process.env'), GLOBAL],
  ['src/core/buffer.ts', exportsValue('Buffer.alloc(1)'), GLOBAL],
  ['src/core/performance.ts', exportsValue('performance.now()'), GLOBAL],
  ['src/core/global.ts', exportsValue('globalThis'), GLOBAL],
  ['src/core/console.ts', exportsValue('console'), GLOBAL],
  ['src/ports.ts', imports('node:fs'), IMPORT],
  ['src/agent.ts', imports('./store/store.ts'), IMPORT],
  ['src/beside-main.ts', imports('node:fs'), IMPORT],
  ['src/main.ts', imports('dbus-next'), IMPORT],
  ['src/app/package.ts', imports('mqtt'), IMPORT],
  ['src/dbus/adapter.ts', imports('../systemd/decode.ts'), IMPORT],
  ['src/dbus/other-file.ts', imports('dbus-next'), IMPORT],
  ['src/systemd/package.ts', imports('dbus-next'), IMPORT],
  ['src/systemd/adapter.ts', imports('../http/server.ts'), IMPORT],
  ['src/systemd/agent.ts', imports('../agent.ts'), IMPORT],
  ['src/systemd/operate/adapter.ts', imports('../../journal/runs.ts'), IMPORT],
  ['src/desktop/adapter.ts', imports('../systemd/decode.ts'), IMPORT],
  ['src/store/adapter.ts', imports('../metrics/metrics.ts'), IMPORT],
  ['src/store/bus.ts', imports('../dbus/bus.ts'), IMPORT],
  ['src/store/package.ts', imports('dbus-next'), IMPORT],
  ['src/store/file/other-file.ts', imports('@noble/hashes/sha2.js'), IMPORT],
  ['src/store/format/adapter.ts', imports('../../metrics/metrics.ts'), IMPORT],
  ['src/metrics/adapter.ts', imports('../mqtt/sink.ts'), IMPORT],
  ['src/metrics/package.ts', imports('mqtt'), IMPORT],
  ['src/metrics/other-file.ts', imports('prom-client/lib/registry.js'), IMPORT],
  ['src/metrics/exposition.ts', imports('prom-client'), IMPORT],
  ['src/metrics/families/package.ts', imports('re2js'), IMPORT],
  ['src/mqtt/adapter.ts', imports('../store/store.ts'), IMPORT],
  ['src/mqtt/package.ts', imports('mqtt'), IMPORT],
  ['src/mqtt/connection/adapter.ts', imports('../../remote-write/sink.ts'), IMPORT],
  ['src/remote-write/adapter.ts', imports('../metrics/metrics.ts'), IMPORT],
  ['src/remote-write/package.ts', imports('mqtt'), IMPORT],
  ['src/credentials/adapter.ts', imports('../mqtt/options.ts'), IMPORT],
  ['src/metrics/credentials.ts', imports('../credentials/files.ts'), IMPORT],
  ['src/http/adapter.ts', imports('../metrics/metrics.ts'), IMPORT],
  ['src/http/package.ts', imports('valibot'), IMPORT],
  ['src/http/api/package.ts', imports('yaml'), IMPORT],
  ['src/dashboard/adapter.ts', imports('../http/route.ts'), IMPORT],
  ['src/host/adapter.ts', imports('../systemd/decode.ts'), IMPORT],
  ['src/journal/adapter.ts', imports('../host/clock.ts'), IMPORT],
  ['src/service/adapter.ts', imports('../systemd/decode.ts'), IMPORT],
  ['src/log/adapter.ts', imports('../http/server.ts'), IMPORT],
  ['src/log/package.ts', imports('valibot'), IMPORT],
  ['src/config/adapter.ts', imports('../cli/args.ts'), IMPORT],
  ['src/cli/adapter.ts', imports('../http/server.ts'), IMPORT],
  ['src/cli/package.ts', imports('valibot'), IMPORT],
  ['src/cli/commands/adapter.ts', imports('../../http/server.ts'), IMPORT],
  ['src/cli/commands/app.ts', imports('../../app/run.ts'), IMPORT],
  ['src/store/floating.ts', 'const a = async () => 1\n\nexport const b = () => {\n  a()\n}\n', 'noFloatingPromises'],
]

const ALLOWED: readonly (readonly [file: string, text: string])[] = [
  ['src/core/good.ts', imports('./unit.ts')],
  ['src/core/views/format.ts', 'export const rfc3339 = (ms: number) => new Date(ms).toISOString()\n'],
  ['src/core/views/good.ts', "export { a } from '../unit.ts'\nexport { b } from './format.ts'\n"],
  ['src/ports.ts', imports('./core/unit.ts')],
  ['src/agent.ts', "export { a } from './core/unit.ts'\nexport { b } from './ports.ts'\n"],
  ['src/main.ts', "export { a } from 'node:fs'\nexport { c } from './http/server.ts'\n"],
  [
    'src/app/good.ts',
    "export { a } from 'node:fs'\nexport { b } from '../agent.ts'\nexport { c } from '../store/file/ring.ts'\n",
  ],
  ['src/dbus/marshaller.ts', imports('dbus-next/lib/variant.js')],
  [
    'src/systemd/good.ts',
    "export { a } from '../core/unit.ts'\nexport { b } from '../dbus/bus.ts'\nexport { c } from '../ports.ts'\n",
  ],
  ['src/systemd/operate/good.ts', "export { a } from '../../dbus/bus.ts'\nexport { b } from '../decode.ts'\n"],
  ['src/desktop/good.ts', imports('../dbus/bus.ts')],
  ['src/store/file/lock.ts', imports('@noble/hashes/sha2.js')],
  ['src/host/identity.ts', imports('@noble/hashes/hmac.js')],
  ['src/store/good.ts', "export { a } from 'node:fs'\nexport { b } from './file/ring.ts'\n"],
  [
    'src/store/format/good.ts',
    "export { a } from '../../core/unit.ts'\nexport { b } from '../../ports.ts'\nexport { c } from '../change.ts'\n",
  ],
  ['src/mqtt/connection/good.ts', "export { b } from 'mqtt'\nexport { a } from '../../credentials/files.ts'\n"],
  ['src/mqtt/good.ts', imports('../credentials/files.ts')],
  [
    'src/remote-write/good.ts',
    "export { b } from 'pbf'\nexport { c } from 'snappyjs'\nexport { a } from '../credentials/files.ts'\n",
  ],
  ['src/metrics/exposition.ts', imports('prom-client/lib/registry.js')],
  ['src/metrics/federate/good.ts', imports('re2js')],
  ['src/http/good.ts', imports('node:http')],
  ['src/http/access/good.ts', imports('yaml')],
  ['src/http/api/good.ts', imports('ws')],
  ['src/dashboard/good.ts', "export { b } from './dom.ts'\nexport { a } from '../core/unit.ts'\n"],
  ['src/host/good.ts', imports('node:os')],
  ['src/log/good.ts', imports('picocolors')],
  ['src/config/good.ts', imports('valibot')],
  ['src/cli/good.ts', imports('../config/keys.ts')],
  [
    'src/cli/commands/good.ts',
    "export { a } from 'picocolors'\nexport { c } from '../../config/keys.ts'\nexport { b } from '../../ports.ts'\n",
  ],
]

type File = readonly [file: string, text: string, rule?: string]

const directory = mkdtempSync(join(tmpdir(), 'gw-lint-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** Lints a project of these files with the rules of this repository: the exit code, and the broken rules by file. */
function lint(project: string, files: readonly File[]): { code: number | null; broken: Map<string, string[]> } {
  const root = join(directory, project)
  for (const path of ['biome.json', '.gitignore', 'build/lint']) {
    cpSync(join(ROOT, path), join(root, path), { recursive: true })
  }
  const packages = [
    '@noble/hashes',
    'dbus-next',
    'mqtt',
    'pbf',
    'picocolors',
    'prom-client',
    're2js',
    'snappyjs',
    'valibot',
    'ws',
    'yaml',
  ]
  const dependencies = Object.fromEntries(packages.map((name) => [name, '*']))
  writeFileSync(join(root, 'package.json'), JSON.stringify({ dependencies }))
  for (const [file, text] of files) {
    mkdirSync(join(root, dirname(file)), { recursive: true })
    writeFileSync(join(root, file), text)
  }
  const args = [BIOME, 'lint', '--reporter=github', '--max-diagnostics=1000', '.']
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  const broken = new Map<string, string[]>()
  for (const [, rule = '', path = ''] of stdout.matchAll(/^::error title=([^,]+),file=([^,]+),/gm)) {
    const file = path.slice(path.indexOf('src/'))
    broken.set(file, [...(broken.get(file) ?? []), rule])
  }
  return { code: status, broken }
}

describe('the linter forbids', () => {
  const { broken } = lint('forbidden', FORBIDDEN)
  for (const [file, , rule] of FORBIDDEN) {
    it(`${file} (${rule})`, () => expect(broken.get(file)).toEqual([expect.stringContaining(rule)]))
  }
})

it('the linter allows what the import law allows', () => {
  expect(lint('allowed', ALLOWED)).toEqual({ code: 0, broken: new Map() })
})
