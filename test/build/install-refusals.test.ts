// install.sh reports wrong arguments, and an /etc that is read-only, before it changes anything.
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
printf '#!/bin/sh\nexit 2\n' > /run/bin/getent
for name in systemd-sysusers useradd adduser systemctl; do printf '#!/bin/sh\\necho "$0 $*" >&2\\n' > /run/bin/$name; done
chmod +x /run/bin/*
mount --bind /etc /etc && mount -o remount,bind,ro /etc
PATH=/run/bin:$PATH exec sh "$@"`

/** Runs install.sh with a read-only /etc, without groups. */
function install(...args: string[]) {
  const directory = mkdtempSync(join(tmpdir(), 'gw-read-only-'))
  const at = (name: string) => join(directory, name)
  copyFileSync(join(import.meta.dirname, '../../deploy/install.sh'), at('install.sh'))
  writeFileSync(at('gatewatch'), PROGRAM, { mode: 0o755 })
  const sums = spawnSync('sha256sum', ['gatewatch', 'install.sh'], { cwd: directory, encoding: 'utf8' })
  writeFileSync(at('SHA256SUMS'), sums.stdout)
  const command = ['--mount', 'sh', '-ec', ENTER, 'sh', at('install.sh'), ...args]
  const { status, stderr } = spawnSync('unshare', command, { encoding: 'utf8' })
  rmSync(directory, { recursive: true })
  return { status, stderr }
}

describeUnless(notRoot() ?? missingPrograms('unshare', 'sha256sum'), 'install.sh', () => {
  it.each([['install'], ['uninstall'], ['purge']])(
    'with a read-only /etc, %s changes nothing and reports why',
    (action) => {
      expect(install(action)).toEqual({
        status: 1,
        stderr:
          'gatewatch: cannot write to /etc; nothing was changed. If the root file system is read-only, run: mount -o remount,rw / and repeat this\n',
      })
      expect(existsSync('/usr/bin/.gatewatch-install')).toBe(false)
    },
  )

  it.each([
    [['install', '--key', 'release.pub']],
    [['--key', 'release.pub', 'install']],
    [['--key=release.pub']],
    [['--journal', 'install']],
    [['install', '--journal']],
    [['--journal', '--key=release.pub']],
    [['undo', 'now']],
    [['upgrade']],
  ])('does not ignore an argument: %j', (args) => {
    const { status, stderr } = install(...args)
    expect([status, stderr.split('\n').slice(0, 3)]).toEqual([
      2,
      [
        `gatewatch: unexpected arguments: ${args.join(' ')}`,
        'Installs gatewatch on a running gateway, from the unpacked tarball that contains this script. As root:',
        '  ./install.sh              install or upgrade: verify checksums, start the agent, revert if it does not start',
      ],
    ])
  })

  it('does not allow access to the journal where the group is missing, because the agent would not start', () => {
    expect(install('--journal')).toEqual({
      status: 1,
      stderr:
        'gatewatch: --journal: this machine has no group systemd-journal, without which the agent would not start; nothing was changed\n',
    })
  })

  it('requires the file of --key', () => {
    const refusal = { status: 1, stderr: 'gatewatch: --key: the file of the public key is missing\n' }
    expect(install('--key')).toEqual(refusal)
    expect(install('--journal', '--key')).toEqual(refusal)
  })
})
