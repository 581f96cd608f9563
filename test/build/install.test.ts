// What reaches a gateway is installed there, by dpkg and by the installer: it runs, keeps its counters, and goes again.
import { spawnSync } from 'node:child_process'
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { describeUnless, missingPrograms, noSystemd } from '../rig/unavailable.ts'
import { mustBuild, noBuild, ROOT } from './executable.ts'
import { type GatewayRoot, startGatewayRoot, VERSION } from './gateway-root.ts'

const CONFIG = '/etc/gatewatch/config.json'
const NEXT = `${VERSION}+next`
/** Another build: its checksums anew. */
const SUMS = "cd unpacked && sha256sum $(awk '{print $2}' SHA256SUMS) > sums && mv sums SHA256SUMS"
const noDebian = () => missingPrograms('dpkg', 'dpkg-deb', 'deb-systemd-helper', 'systemd-sysusers')

describeUnless(noBuild() ?? noSystemd() ?? noDebian(), 'an installation', () => {
  const directory = mkdtempSync(join(tmpdir(), 'gw-install-'))
  const at = (name: string) => join(directory, name)
  const here = (command: string) => {
    const { status, stdout, stderr } = spawnSync('bash', ['-ec', command], { cwd: directory, encoding: 'utf8' })
    expect({ command, status, said: status === 0 ? '' : `${stdout}${stderr}` }).toEqual({
      command,
      status: 0,
      said: '',
    })
    return stdout
  }
  let gateway: GatewayRoot
  const exists = async (path: string) => (await gateway.systemd.exec('test', '-e', path)).code === 0
  const isActive = async () => (await gateway.systemd.systemctl('is-active', 'gatewatch')).stdout.trim()

  beforeAll(() => {
    mustBuild({}, '--target', 'x64')
    here(`cd ${ROOT} && node --import tsx build/package.mjs --target x64 --level 0 --out ${directory}`)
    here(`sha256sum -c SHA256SUMS && tar -xf gatewatch-${VERSION}-linux-x64.tar.xz`)
    cpSync(at(`gatewatch-${VERSION}-linux-x64`), at('unpacked'), { recursive: true })
  }, 900_000)
  afterEach(() => gateway?.systemd.stop())
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  it('as a Debian package: installed, upgraded with its counters and configuration, removed, purged', {
    timeout: 600_000,
  }, async () => {
    const deb = `gatewatch_${VERSION}_amd64.deb`
    here(`dpkg-deb -R ${deb} next && sed -i 's/^Version: .*/Version: ${NEXT}/' next/DEBIAN/control &&
      sed -i '1i // a newer default' next/etc/gatewatch/config.json && dpkg-deb --root-owner-group -Znone -b next next.deb`)
    gateway = await startGatewayRoot(directory)
    const { must } = gateway

    await must('dpkg', '--force-depends', '-i', at(deb))
    expect(await isActive()).toBe('active')
    expect((await must('bash', '-c', 'stat -c %U /proc/$(systemctl show -P MainPID gatewatch)')).trim()).toBe(
      'gatewatch',
    )
    expect((await must('systemctl', 'is-enabled', 'gatewatch')).trim()).toBe('enabled')
    await gateway.crash(1)

    await must('sed', '-i', 's/"debug": false/"debug": true/', CONFIG)
    await must('dpkg', '--force-depends', '--force-confold', '-i', at('next.deb'))
    expect(await must('dpkg', '-s', 'gatewatch')).toContain(`\nVersion: ${NEXT}\n`)
    expect(await isActive()).toBe('active')
    expect(await gateway.crashes()).toBe(1)
    expect(await must('cat', CONFIG)).toMatch(/"debug": true/)
    await gateway.crash(2)

    await must('dpkg', '-r', 'gatewatch')
    expect([await exists('/usr/bin/gatewatch'), await exists(CONFIG), await exists(gateway.stateFile)]).toEqual([
      false,
      true,
      true,
    ])
    expect(await isActive()).toBe('inactive')

    await must('dpkg', '-P', 'gatewatch')
    expect([await exists('/etc/gatewatch'), await exists('/var/lib/gatewatch')]).toEqual([false, false])
  })

  it('by install.sh: checked, upgraded, gone back from one that does not start, taken away', {
    timeout: 600_000,
  }, async () => {
    gateway = await startGatewayRoot(directory)
    const { must } = gateway
    const install = (...args: string[]) => gateway.systemd.exec(join(directory, 'unpacked/install.sh'), ...args)

    expect(await must(join(directory, 'unpacked/install.sh'))).toMatch(/^gatewatch: installed: gatewatch /)
    expect(await isActive()).toBe('active')
    await gateway.crash(1)
    const installed = await must('sha256sum', '/usr/bin/gatewatch')
    here(`printf "x" >> unpacked/gatewatch && ${SUMS}`)
    expect(await install()).toMatchObject({ code: 0 })
    expect(await gateway.crashes()).toBe(1)
    expect(await must('sha256sum', '/usr/bin/gatewatch')).not.toBe(installed)

    expect(await install('undo')).toMatchObject({ code: 0, stdout: expect.stringMatching(/went back to gatewatch /) })
    expect(await must('sha256sum', '/usr/bin/gatewatch')).toBe(installed)
    expect(await isActive()).toBe('active')
    expect(await gateway.crashes()).toBe(1)
    expect(await install('undo')).toMatchObject({ code: 1, stderr: 'gatewatch: there is nothing to go back to\n' })

    appendFileSync(at('unpacked/config.json'), '\n')
    expect(await install()).toMatchObject({ code: 1, stderr: expect.stringMatching(/checksums do not match/) })

    const script = '#!/bin/sh\n[ "$1" = version ] && echo "gatewatch 9 that does not start" || exit 1\n'
    writeFileSync(at('unpacked/gatewatch'), script)
    here(SUMS)
    expect(await install()).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(new RegExp(`it did not start: went back to gatewatch ${VERSION} `)),
    })
    expect(await isActive()).toBe('active')
    await gateway.crash(2)

    expect(await install('uninstall')).toMatchObject({ code: 0 })
    expect([await exists('/usr/bin/gatewatch'), await exists(CONFIG), await exists(gateway.stateFile)]).toEqual([
      false,
      true,
      true,
    ])
    expect(await install('purge')).toMatchObject({ code: 0 })
    expect([await exists(CONFIG), await exists(gateway.stateFile)]).toEqual([false, false])
    expect(await isActive()).toBe('inactive')
  })

  it('has an SBOM that names everything inside, each with its licence', () => {
    const name = `gatewatch-${VERSION}-linux-x64`
    const { components, metadata } = JSON.parse(readFileSync(at(`${name}.cdx.json`), 'utf8'))
    expect(metadata.component.hashes[0].content).toBe(here(`sha256sum ${name}/gatewatch`).slice(0, 64))
    const names = components.map((one: { name: string }) => one.name)
    expect(names).toEqual(expect.arrayContaining(['node', 'dbus-next', 'mqtt', 'valibot']))
    const licences = readFileSync(at(`${name}/LICENSES.txt`), 'utf8')
    for (const { name: of, version } of components)
      expect(licences).toContain(of === 'node' ? `Node.js ${version}` : `\n${of} ${version} (`)
  })
})
