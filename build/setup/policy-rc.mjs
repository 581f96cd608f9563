// Prevents Debian's maintainer scripts from starting daemons during an installation (invoke-rc.d(8)).
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'

const POLICY = '/usr/sbin/policy-rc.d'
/** Identifies a policy file left behind when an earlier run was killed. */
const OURS = '# written by gatewatch/build/setup for the duration of one apt-get; safe to remove'
const FORBIDDEN_BY_POLICY = 101

/** Calls `install` with a policy that forbids every start, and then removes the policy. An existing policy is kept. */
export function withoutStartingDaemons(install) {
  if (existsSync(POLICY) && !readFileSync(POLICY, 'utf8').includes(OURS)) return install()
  const remove = () => rmSync(POLICY, { force: true })
  writeFileSync(POLICY, `#!/bin/sh\n${OURS}\nexit ${FORBIDDEN_BY_POLICY}\n`, { mode: 0o755 })
  process.once('exit', remove)
  try {
    return install()
  } finally {
    remove()
    process.off('exit', remove)
  }
}
