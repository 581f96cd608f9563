// A queue with limits, in which peers take turns.
import { expect, test } from 'vitest'
import { createPeerQueue } from '../../../src/core/limits/peer-queue.ts'

/** Adds `a1`, `b2`, ...; the letter is the peer. */
function queueOf(itemsAtMost: number, ...items: string[]) {
  const dropped: string[] = []
  const queue = createPeerQueue<string>(itemsAtMost, (item) => dropped.push(item))
  const add = (item: string) => queue.add(item.charAt(0), item)
  const added = items.map(add)
  const takeAll = () => {
    const taken: string[] = []
    for (let item = queue.take(); item !== undefined; item = queue.take()) taken.push(item)
    return taken
  }
  return { ...queue, add, added, dropped, takeAll }
}

test('peers take turns, and the items of one peer keep their order', () => {
  expect(queueOf(9, 'a1', 'a2', 'a3', 'b1', 'c1', 'b2').takeAll()).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3'])
})

test('a peer that comes while an item of another one is being processed is next', () => {
  const queue = queueOf(9, 'a1', 'a2')
  expect(queue.take()).toBe('a1')
  queue.add('b1')
  expect(queue.takeAll()).toEqual(['b1', 'a2'])
})

test('a full queue refuses the peer that has the most', () => {
  const queue = queueOf(3, 'a1', 'a2', 'a3', 'a4')
  expect([queue.added, queue.dropped]).toEqual([[true, true, true, false], []])
})

test('in a full queue, the newest item of the peer that has the most makes room for a peer with fewer', () => {
  const queue = queueOf(3, 'a1', 'a2', 'a3', 'b1')
  expect([queue.added, queue.dropped]).toEqual([[true, true, true, true], ['a3']])
  expect([queue.add('b2'), queue.add('c1')]).toEqual([false, true])
  expect(queue.takeAll()).toEqual(['a1', 'b1', 'c1'])
})

test('a removed item is not taken, and does not count', () => {
  const queue = queueOf(2, 'a1', 'a2')
  queue.remove('a', 'a1')
  expect([queue.countOf('a'), queue.countOf('b')]).toEqual([1, 0])
  expect(queue.add('a3')).toBe(true)
  expect(queue.takeAll()).toEqual(['a2', 'a3'])
})
