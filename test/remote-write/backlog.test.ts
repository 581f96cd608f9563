// The backlog keeps only differences; a model that keeps everything must give the same samples.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Backlog, createBacklog, type Push } from '../../src/remote-write/backlog.ts'
import { nextBatch } from '../../src/remote-write/batch.ts'
import type { PushedSeries } from '../../src/remote-write/series.ts'

const seriesOf = (name: string, bytes = 20): PushedSeries => ({ labels: Buffer.from(`${name} `.padEnd(bytes)) })
const nameOf = ({ labels }: PushedSeries) => Buffer.from(labels).toString().split(' ')[0] ?? ''
const SERIES: readonly PushedSeries[] = ['a', 'b', 'c', 'd'].map((name) => seriesOf(name))

/** What was pushed: the value of each series by its name, null for a staleness mark. */
type Row = Readonly<Record<string, number | null>>

function rowsOf(backlog: Backlog): [number, Row][] {
  const rows: [number, Row][] = []
  for (const [{ atMonoMs }, row] of backlog.rows())
    rows.push([atMonoMs, Object.fromEntries([...row].map(([series, value]) => [nameOf(series), value]))])
  return rows
}

const values = fc.array(fc.option(fc.constantFrom(0, 1, 2, Number.NaN, -0)), { minLength: 4, maxLength: 4 })
const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('add' as const), values }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('end' as const), series: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), count: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave out' as const), push: fc.nat(5) }) },
)

test('whatever is added, removed and left out, each push has the samples with which it was added', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
      const backlog = createBacklog()
      let model: [number, Row][] = []
      let latest: Row = {}
      actions.forEach((one, i) => {
        if (one.kind === 'add') {
          const present = SERIES.flatMap((series, s) =>
            one.values[s] === null ? [] : [[series, one.values[s]] as const],
          )
          backlog.add(i, new Map(present as [PushedSeries, number][]))
          const row = Object.fromEntries(present.map(([series, value]) => [nameOf(series), value as number]))
          const ended = Object.keys(latest).filter((name) => !(name in row))
          model.push([i, { ...row, ...Object.fromEntries(ended.map((name) => [name, null])) }])
          latest = row
        } else if (one.kind === 'end') {
          const series = SERIES[one.series] as PushedSeries
          backlog.addEnd(i, [series])
          const { [nameOf(series)]: value, ...rest } = latest
          if (value !== undefined) model.push([i, { [nameOf(series)]: null }])
          latest = rest
        } else if (one.kind === 'remove') {
          backlog.removeFirst(one.count)
          model = model.slice(one.count)
        } else {
          const [push] = [...backlog.rows()][one.push] ?? []
          if (push !== undefined) backlog.leaveOut(push)
          model = model.map(([at, row], n) => [at, n === one.push ? {} : row])
        }
      })
      expect(rowsOf(backlog)).toEqual(model)
      expect(backlog.samples()).toBe(model.reduce((sum, [, row]) => sum + Object.keys(row).length, 0))
      backlog.removeFirst(backlog.length())
      expect([backlog.bytes(), backlog.samples(), backlog.length()]).toEqual([0, 0, 0])
    }),
    { numRuns: 300 },
  )
})

test('batches of any size contain every sample once, in the order of time', () => {
  const large: readonly PushedSeries[] = Array.from({ length: 400 }, (_, i) => seriesOf(`s${i}`, 600))
  const stampOf = ({ atMonoMs }: Push) => atMonoMs
  for (const pushesAtMost of [1, 2, 7, Number.POSITIVE_INFINITY]) {
    const backlog = createBacklog()
    const expected: string[] = []
    for (let i = 0; i < 30; i++) {
      // Pushes that fit together, and some that do not even fit alone.
      const some = large.slice(0, i % 10 === 0 ? 400 : 30)
      const ended = i % 10 === 1 ? large.slice(30, 400) : []
      backlog.add(i, new Map(some.map((series) => [series, i])))
      expected.push(...[...some, ...ended].map((series) => `${nameOf(series)} ${i}`))
    }
    const sent: string[] = []
    let samplesToSkip = 0
    for (;;) {
      const batch = nextBatch(backlog, { pushesAtMost, samplesToSkip }, stampOf)
      if (batch === null) break
      expect(batch.pushes).toBeLessThanOrEqual(pushesAtMost)
      expect(batch.samples).toBeGreaterThan(0)
      const inBatch = [...batch.series].flatMap(([series, samples]) =>
        samples.map(({ stampMs }) => `${nameOf(series)} ${stampMs}`),
      )
      expect(inBatch).toHaveLength(batch.samples)
      sent.push(...inBatch)
      samplesToSkip = batch.isPart ? samplesToSkip + batch.samples : 0
      backlog.removeFirst(batch.completes)
    }
    expect(sent.length).toBe(expected.length)
    expect(new Set(sent)).toEqual(new Set(expected))
  }
})

test('two hours of pushes that hardly differ take a few KB', () => {
  const backlog = createBacklog()
  const series = Array.from({ length: 150 }, (_, i) => seriesOf(`s${i}`, 120))
  for (let i = 0; i < 120; i++) backlog.add(i, new Map(series.map((one, n) => [one, n === i ? i : 0])))
  expect(backlog.samples()).toBe(120 * 150)
  expect(backlog.bytes()).toBeLessThan(64 * 1024)
})
