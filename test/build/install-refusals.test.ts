// install.sh on a gateway whose /etc is read-only: it reports this before it changes anything.
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { describeUnless, missingPrograms, notRoot } from '../rig/unavailable.ts'

const PROGRAM = '#!/bin/sh\necho gatewatch 9\n'
/** In a mount namespace: what install.sh looks for, programs that record their use, and a read-only /etc. */
const ENTER = `
mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system /run/bin
for name in systemd-sysusers useradd adduser systemctl; do printf '#!/bin/sh\\necho "$0 $*" >&2\\n' > /run/bin/$name; done
chmod +x /run/bin/*
mount --bind /etc /etc && mount -o remount,bind,ro /etc
PATH=/run/bin:$PATH exec sh "$@"`

describeUnless(notRoot() ?? missingPrograms('unshare', 'sha256sum'), 'install.sh with a read-only /etc', () => {
  it.each([['install'], ['uninstall'], ['purge']])('%s changes nothing and reports why', (action) => {
    const directory = mkdtempSync(join(tmpdir(), 'gw-read-only-'))
    const at = (name: string) => join(directory, name)
    copyFileSync(join(import.meta.dirname, '../../deploy/install.sh'), at('install.sh'))
    writeFileSync(at('gatewatch'), PROGRAM, { mode: 0o755 })
    const sums = spawnSync('sha256sum', ['gatewatch', 'install.sh'], { cwd: directory, encoding: 'utf8' })
    writeFileSync(at('SHA256SUMS'), sums.stdout)
    const { status, stderr } = spawnSync('unshare', ['--mount', 'sh', '-ec', ENTER, 'sh', at('install.sh'), action], {
      encoding: 'utf8',
    })
    rmSync(directory, { recursive: true })
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr:
        'gatewatch: cannot write to /etc; nothing was changed. If the root file system is read-only, run: mount -o remount,rw / and repeat this\n',
    })
    expect(existsSync('/usr/bin/.gatewatch-install')).toBe(false)
  })
})
