// Unit files that produce each outcome of a unit command.
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Systemd } from '../rig/systemd.ts'

const oneshot = (command: string, more = '') => `[Service]\nType=oneshot\nExecStart=${command}\n${more}`
const DETAILS = `User=nobody
WorkingDirectory=/tmp
Environment=A=1 "B=x y" 'C=it"s' D=$z "E=tab\\there"
EnvironmentFile=-/etc/none
ExecStartPre=-/bin/sh -c 'echo "a  b"; true'
LimitNOFILE=infinity
`
const running = '[Service]\nExecStart=/bin/sleep 100000\n'

export function writeControlUnits(rig: Systemd): void {
  rig.writeUnit('runs.service', `${running}ExecReload=/bin/true\n${DETAILS}[Install]\nWantedBy=multi-user.target\n`)
  rig.writeUnit('fails.service', oneshot("/bin/sh -c 'exit 3'"))
  rig.writeUnit('needs.service', `[Unit]\nRequires=fails.service\nAfter=fails.service\n${running}`)
  rig.writeUnit('unmet.service', `[Unit]\nConditionPathExists=/nowhere\n${running}`)
  rig.writeUnit('unmet-exec.service', `${running}ExecCondition=/bin/false\n`)
  rig.writeUnit('killed.service', oneshot("/bin/sh -c 'kill -9 $$$$'"))
  rig.writeUnit('retried.service', oneshot('/bin/false', 'Restart=on-failure\nRestartSec=1000\n'))
  // systemctl's exit code does not distinguish a canceled start from a failed one: this unit does not fail when it is stopped.
  rig.writeUnit('slow.service', oneshot('/bin/sleep 100000', 'SuccessExitStatus=SIGTERM\n'))
  rig.writeUnit('jobtimeout.service', `[Unit]\nJobTimeoutSec=1\n${oneshot('/bin/sleep 100000')}`)
  rig.writeUnit('manual.service', `[Unit]\nRefuseManualStart=yes\n${running}`)
  rig.writeUnit('bad.service', '[Service]\nExecStart=relative/path\n')
  rig.writeUnit('keeps.target', '[Unit]\nWants=unmet.service unmet-exec.service\n') // keeps these loaded, so that their conditions can be read
  rig.writeUnit('rig.target.d/keeps.conf', '[Unit]\nWants=keeps.target\n')
  symlinkSync('/dev/null', join(rig.unitDir, 'masked.service'))
}
