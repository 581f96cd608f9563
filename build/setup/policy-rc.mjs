// Keeps Debian's maintainer scripts from starting daemons while we install packages (invoke-rc.d(8)).
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'

const POLICY = '/usr/sbin/policy-rc.d'
/** By this line we know our own file again, should a kill -9 have left it. */
const OURS = '# written by gatewatch/build/setup for the time of one apt-get; safe to remove'
const FORBIDDEN_BY_POLICY = 101

/** Calls `install` with a policy that forbids every start, then takes the policy away; another one's is respected. */
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
