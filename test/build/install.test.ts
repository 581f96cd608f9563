// Installation with dpkg and with install.sh: the agent runs, keeps its counters over an upgrade, and can be removed.
import { spawnSync } from 'node:child_process'
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { describeUnless, missingPrograms, noSystemd } from '../rig/unavailable.ts'
import { lintian, mustBuild, noBuild, ROOT } from './executable.ts'
import { type GatewayRoot, startGatewayRoot, VERSION } from './gateway-root.ts'

const CONFIG = '/etc/gatewatch/config.json'
const JOURNAL = '/etc/systemd/system/gatewatch.service.d/journal.conf'
const NEXT = `${VERSION}+next`
/** Updates the checksums after a file of the tarball was changed. */
const UPDATE_SUMS = "cd unpacked && sha256sum $(awk '{print $2}' SHA256SUMS) > sums && mv sums SHA256SUMS"
const noDebian = () => missingPrograms('openssl', 'dpkg', 'dpkg-deb', 'deb-systemd-helper', 'systemd-sysusers')

describeUnless(noBuild() ?? noSystemd() ?? noDebian(), 'an installation', () => {
  const directory = mkdtempSync(join(tmpdir(), 'gw-install-'))
  const at = (name: string) => join(directory, name)
  const runHere = (command: string) => {
    const { status, stdout, stderr } = spawnSync('bash', ['-ec', command], { cwd: directory, encoding: 'utf8' })
    expect({ command, status, output: status === 0 ? '' : `${stdout}${stderr}` }).toEqual({
      command,
      status: 0,
      output: '',
    })
    return stdout
  }
  let gateway: GatewayRoot
  const exists = async (path: string) => (await gateway.systemd.exec('test', '-e', path)).code === 0
  /** The groups that the running agent has besides its own, according to systemd. */
  const groups = async () =>
    (await gateway.systemd.systemctl('show', '-P', 'SupplementaryGroups', 'gatewatch')).stdout.trim()
  const isActive = async () => (await gateway.systemd.systemctl('is-active', 'gatewatch')).stdout.trim()

  beforeAll(() => {
    mustBuild({}, '--target', 'x64')
    for (const name of ['release', 'other'])
      runHere(
        `openssl genpkey -algorithm ed25519 -out ${name}.pem && openssl pkey -in ${name}.pem -pubout -out ${name}.pub`,
      )
    const sign = `--sign ${at('release.pem')}`
    runHere(`cd ${ROOT} && node --import tsx build/package.mjs --target x64 --level 0 --out ${directory} ${sign}`)
    runHere(`sha256sum -c SHA256SUMS && tar -xf gatewatch-${VERSION}-linux-x64.tar.xz`)
    cpSync(at(`gatewatch-${VERSION}-linux-x64`), at('unpacked'), { recursive: true })
  }, 900_000)
  afterEach(() => gateway?.systemd.stop())
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  it('with the Debian package: install, upgrade with counters and configuration kept, remove, purge', {
    timeout: 600_000,
  }, async () => {
    const deb = `gatewatch_${VERSION}_amd64.deb`
    runHere(`dpkg-deb -R ${deb} next && sed -i 's/^Version: .*/Version: ${NEXT}/' next/DEBIAN/control &&
      sed -i '1i // a newer default' next/etc/gatewatch/config.json && dpkg-deb --root-owner-group -Znone -b next next.deb`)
    gateway = await startGatewayRoot(directory)
    const { run } = gateway

    await run('dpkg', '--force-depends', '-i', at(deb))
    expect(await isActive()).toBe('active')
    expect((await run('bash', '-c', 'stat -c %U /proc/$(systemctl show -P MainPID gatewatch)')).trim()).toBe(
      'gatewatch',
    )
    expect((await run('systemctl', 'is-enabled', 'gatewatch')).trim()).toBe('enabled')
    await gateway.crash(1)

    expect(await run('dpkg', '-V', 'gatewatch')).toBe('')

    await run('sed', '-i', 's/"debug": false/"debug": true/', CONFIG)
    expect(await groups()).toBe('')
    await run('sed', '-i', 's/^#Supplementary/Supplementary/', JOURNAL)
    await run('systemctl', 'daemon-reload')
    await run('dpkg', '--force-depends', '--force-confold', '-i', at('next.deb'))
    expect(await run('dpkg', '-s', 'gatewatch')).toContain(`\nVersion: ${NEXT}\n`)
    expect(await isActive()).toBe('active')
    expect(await gateway.crashes()).toBe(1)
    expect(await run('cat', CONFIG)).toMatch(/"debug": true/)
    expect(await groups()).toBe('systemd-journal')
    await gateway.crash(2)

    await run('dpkg', '-r', 'gatewatch')
    expect([await exists('/usr/bin/gatewatch'), await exists(CONFIG), await exists(gateway.stateFile)]).toEqual([
      false,
      true,
      true,
    ])
    expect(await isActive()).toBe('inactive')

    await run('dpkg', '-P', 'gatewatch')
    for (const path of ['/etc/gatewatch', '/var/lib/gatewatch', JOURNAL]) expect(await exists(path)).toBe(false)
  })

  describeUnless(missingPrograms('lintian'), 'the Debian package', () => {
    it('has nothing that lintian reports', { timeout: 300_000 }, () => {
      expect(lintian(at(`gatewatch_${VERSION}_amd64.deb`))).toBe('')
    })
  })

  it('with install.sh: verify checksums, upgrade, revert a version that does not start, uninstall, purge', {
    timeout: 600_000,
  }, async () => {
    gateway = await startGatewayRoot(directory)
    const { run } = gateway
    const install = (...args: string[]) => gateway.systemd.exec(join(directory, 'unpacked/install.sh'), ...args)

    expect(await run(join(directory, 'unpacked/install.sh'))).toMatch(/^gatewatch: installed: gatewatch /)
    expect(await isActive()).toBe('active')
    await gateway.crash(1)
    const installed = await run('sha256sum', '/usr/bin/gatewatch')
    expect(await groups()).toBe('')
    runHere(`printf "x" >> unpacked/gatewatch && ${UPDATE_SUMS}`)
    expect(await install('--journal')).toMatchObject({ code: 0 })
    expect(await gateway.crashes()).toBe(1)
    expect(await groups()).toBe('systemd-journal')
    expect(await run('sha256sum', '/usr/bin/gatewatch')).not.toBe(installed)

    expect(await install('undo')).toMatchObject({ code: 0, stdout: expect.stringMatching(/reverted to gatewatch /) })
    expect(await run('sha256sum', '/usr/bin/gatewatch')).toBe(installed)
    expect(await isActive()).toBe('active')
    expect(await gateway.crashes()).toBe(1)
    expect(await install('undo')).toMatchObject({ code: 1, stderr: 'gatewatch: no previous version to revert to\n' })

    appendFileSync(at('unpacked/config.json'), '\n')
    expect(await install()).toMatchObject({ code: 1, stderr: expect.stringMatching(/checksums do not match/) })

    const script = '#!/bin/sh\n[ "$1" = version ] && echo "gatewatch 9 that does not start" || exit 1\n'
    writeFileSync(at('unpacked/gatewatch'), script)
    runHere(UPDATE_SUMS)
    expect(await install()).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(new RegExp(`gatewatch failed to start; reverted to gatewatch ${VERSION} `)),
    })
    expect(await isActive()).toBe('active')
    expect(await groups()).toBe('systemd-journal')
    await gateway.crash(2)

    expect(await install('uninstall')).toMatchObject({ code: 0 })
    expect([await exists('/usr/bin/gatewatch'), await exists(CONFIG), await exists(gateway.stateFile)]).toEqual([
      false,
      true,
      true,
    ])
    expect(await install('purge')).toMatchObject({ code: 0 })
    for (const path of [CONFIG, gateway.stateFile, JOURNAL]) expect(await exists(path)).toBe(false)
    expect(await isActive()).toBe('inactive')
  })

  it('with install.sh and a key: nothing is changed unless the signature is that of the key', {
    timeout: 300_000,
  }, async () => {
    gateway = await startGatewayRoot(directory)
    const { run } = gateway
    const copy = (name: string) => {
      cpSync(at(`gatewatch-${VERSION}-linux-x64`), at(name), { recursive: true })
      return (...args: string[]) => gateway.systemd.exec(join(directory, name, 'install.sh'), ...args)
    }
    const isChanged = async () =>
      (await exists('/usr/bin/gatewatch')) ||
      (await exists('/etc/systemd/system/gatewatch.service')) ||
      (await exists(CONFIG))
    const refused = (reason: string) => ({ code: 1, stderr: expect.stringContaining(`${reason}; nothing was changed`) })

    const install = copy('signed')
    const wrongKey = `the signature does not match the key ${at('other.pub')}`
    expect(await install('--key', at('other.pub'))).toMatchObject(refused(wrongKey))
    expect(await install('--key', at('no.pub'))).toMatchObject(refused(`cannot read the key ${at('no.pub')}`))
    const unsigned = copy('unsigned')
    rmSync(at('unsigned/SHA256SUMS.sig'))
    const noSignature = `this copy is not signed, but the key ${at('release.pub')} requires a signature`
    expect(await unsigned('--key', at('release.pub'))).toMatchObject(refused(noSignature))
    const exchanged = copy('exchanged')
    writeFileSync(at('exchanged/gatewatch'), '#!/bin/sh\necho exchanged\n')
    runHere(UPDATE_SUMS.replace('unpacked', 'exchanged'))
    const wrongSums = `the signature does not match the key ${at('release.pub')}`
    expect(await exchanged('--key', at('release.pub'))).toMatchObject(refused(wrongSums))
    expect(await isChanged()).toBe(false)

    expect(await install('--key', at('release.pub'))).toMatchObject({ code: 0 })
    expect(await isActive()).toBe('active')
    await run('cp', at('release.pub'), '/etc/gatewatch/release.pub')
    const installed = await run('sha256sum', '/usr/bin/gatewatch')
    expect(await exchanged()).toMatchObject(refused('the signature does not match the key /etc/gatewatch/release.pub'))
    expect(await run('sha256sum', '/usr/bin/gatewatch')).toBe(installed)
    expect(await install()).toMatchObject({ code: 0 })
  })

  it('has an SBOM with all components, a VEX statement, and the licence of each component', () => {
    const name = `gatewatch-${VERSION}-linux-x64`
    const { components, metadata } = JSON.parse(readFileSync(at(`${name}.cdx.json`), 'utf8'))
    expect(metadata.component.hashes[0].content).toBe(runHere(`sha256sum ${name}/gatewatch`).slice(0, 64))
    const statements = readFileSync(at(`${name}.vex.cdx.json`), 'utf8')
    expect(readFileSync(at(`${name}/gatewatch.vex.cdx.json`), 'utf8')).toBe(statements)
    expect(JSON.parse(statements).vulnerabilities.map((one: { id: string }) => one.id)).toContain('CVE-2023-0842')
    expect(readFileSync(at('SHA256SUMS'), 'utf8')).toContain(`  ${name}.vex.cdx.json\n`)
    const names = components.map((one: { name: string }) => one.name)
    expect(names).toEqual(expect.arrayContaining(['node', 'openssl', 'v8', 'dbus-next', 'mqtt', 'valibot']))
    const licences = readFileSync(at(`${name}/LICENSES.txt`), 'utf8')
    const packages = components.filter(({ purl }: { purl: string }) => purl.startsWith('pkg:npm/'))
    for (const { 'bom-ref': ref, name: of, version } of packages)
      if (!ref.startsWith('node/'))
        expect(licences).toContain(of === 'node' ? `Node.js ${version}` : `\n${of} ${version} (`)
  })
})
