// The shipped unit file, with and without its drop-ins, checked by systemd-analyze.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { removeDirectory, temporaryDirectory } from '../rig/gatewatch.ts'
import { UNIT_FILE } from '../rig/installed.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'

const DROP_INS = join(UNIT_FILE, '../drop-ins')
/** The other files are for polkit. */
const CONF = readdirSync(DROP_INS).filter((name) => name.endsWith('.conf'))

describeUnless(missingPrograms('systemd-analyze'), 'the unit file', () => {
  let directory: string
  beforeAll(() => {
    directory = temporaryDirectory()
    const text = readFileSync(UNIT_FILE, 'utf8')
    for (const name of ['bare', 'full']) {
      mkdirSync(join(directory, name))
      // With another program, because this machine does not have /usr/bin/gatewatch.
      writeFileSync(join(directory, name, 'gatewatch.service'), text.replace('/usr/bin/gatewatch', process.execPath))
    }
    cpSync(DROP_INS, join(directory, 'full/gatewatch.service.d'), { recursive: true })
  })
  afterAll(() => removeDirectory(directory))

  const analyze = (...args: string[]) => spawnSync('systemd-analyze', args, { encoding: 'utf8' })

  test('is accepted by systemd-analyze verify', () => {
    const { status, stderr } = analyze('verify', '--man=no', join(directory, 'bare/gatewatch.service'))
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })

  test.each(CONF)('its drop-in %s is accepted, and its comment contains the path to install it', (name) => {
    const alone = join(directory, name)
    cpSync(join(directory, 'bare'), alone, { recursive: true })
    cpSync(join(DROP_INS, name), join(alone, 'gatewatch.service.d', name))
    const { status, stderr } = analyze('verify', '--man=no', join(alone, 'gatewatch.service'))
    // OpenFile= is for systemd 253 and newer; an older one logs this and ignores it.
    const lines = stderr.split('\n').filter((line) => line !== '' && !line.includes("Unknown key 'OpenFile'"))
    expect({ status, lines }).toEqual({ status: 0, lines: [] })
    expect(readFileSync(join(DROP_INS, name), 'utf8')).toContain(`/etc/systemd/system/gatewatch.service.d/${name}`)
  })

  test.each(['bare', 'full'])('has an exposure level of at most 1.5: %s', (name) => {
    const file = join(directory, name, 'gatewatch.service')
    const { status, stdout } = analyze('security', '--offline=true', '--no-pager', '--threshold=15', file)
    console.log(stdout.split('\n').find((line) => line.includes('Overall')))
    expect(status).toBe(0)
  })

  test('limits memory, tasks and core dumps', () => {
    const text = readFileSync(UNIT_FILE, 'utf8')
    for (const limit of [/^MemoryHigh=\d+M$/m, /^MemoryMax=\d+M$/m, /^TasksMax=\d+$/m, /^LimitCORE=0$/m])
      expect(text).toMatch(limit)
  })

  test('unsets the variables that Node.js, OpenSSL and the dynamic linker obtain code or trust from', () => {
    const lines = readFileSync(UNIT_FILE, 'utf8').matchAll(/^UnsetEnvironment=(.*)$/gm)
    const unset = [...lines].flatMap(([, names = '']) => names.split(' '))
    for (const name of [
      ...['NODE_OPTIONS', 'NODE_PATH', 'NODE_EXTRA_CA_CERTS', 'NODE_TLS_REJECT_UNAUTHORIZED', 'NODE_V8_COVERAGE'],
      ...['NODE_COMPILE_CACHE', 'NODE_REDIRECT_WARNINGS', 'NODE_ICU_DATA', 'NODE_DEBUG', 'OPENSSL_CONF'],
      ...['OPENSSL_MODULES', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'LD_PRELOAD', 'LD_LIBRARY_PATH'],
    ])
      expect(unset).toContain(name)
  })

  test('does not depend on a broker or on the network', () => {
    expect(readFileSync(UNIT_FILE, 'utf8')).not.toMatch(/mosquitto|network-online|^(Requires|BindsTo)=/m)
  })

  test('restarts after every failure except a wrong command line', () => {
    const lines = readFileSync(UNIT_FILE, 'utf8').split('\n')
    for (const line of ['Type=notify', 'Restart=always', 'RestartPreventExitStatus=2', 'User=gatewatch'])
      expect(lines).toContain(line)
  })

  test('gives a loaded gateway with a slow CPU, which was seen to need 44 s, several times that to start', () => {
    const minutes = /^TimeoutStartSec=(\d+)min$/m.exec(readFileSync(UNIT_FILE, 'utf8'))?.[1]
    expect(Number(minutes)).toBeGreaterThan(2)
  })
})
