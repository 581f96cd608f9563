// Paths that can name a person do not leave the gateway.
import { expect, test } from 'vitest'
import { withoutHomes } from '../../../src/core/explain/private-paths.ts'

test.each([
  ['reading /home/alice/secret.conf failed', 'reading [path] failed'],
  ["open '/home/alice/my file.txt': denied", 'open [path]: denied'],
  ['key in /root/.ssh/id_rsa, stop', 'key in [path], stop'],
  ['/root', '[path]'],
  ['cwd=/var/home/bob/x', 'cwd=/var[path]'],
  ['/rootfs/bin and /home-assistant/x and /opt/app stay', '/rootfs/bin and /home-assistant/x and /opt/app stay'],
])('%s', (text, shown) => {
  expect(withoutHomes(text)).toBe(shown)
})
