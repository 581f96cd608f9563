// Which addresses share their limits.
import { expect, test } from 'vitest'
import { LOOPBACK, peerOf } from '../../src/http/peer.ts'

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['1.127.0.1', '1.127.0.1'],
  ['127.0.0.1', LOOPBACK],
  ['127.1.2.3', LOOPBACK],
  ['::ffff:127.0.0.1', LOOPBACK],
  ['::1', LOOPBACK],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2:a::', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:db8::1:2:3:4:5', '2001:db8:0:1::/64'],
  ['2001::', '2001:0:0:0::/64'],
  ['::2', '0:0:0:0::/64'],
  ['::1:2:3:4:5', '0:0:0:1::/64'],
  // All hosts of a link have this network.
  ['fe80::1%eth0', 'fe80::1%eth0'],
  ['fe80::2%eth0', 'fe80::2%eth0'],
  // The client has disconnected.
  ['', ''],
])('the peer of %s is %s', (address, peer) => {
  expect(peerOf(address)).toBe(peer)
})
