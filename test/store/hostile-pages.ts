// Generates pages with valid checksums and hostile numbers in every field, which the agent's own writer would not write.
import fc from 'fast-check'
import { type ByteWriter, createByteWriter } from '../../src/store/format/bytes.ts'
import { encodePage, type PageHeader } from '../../src/store/format/page.ts'
import { BOOT, names, STREAM } from './sample.ts'

const UNIT = names(1)[0] as string

/** As far as 64 bits go. */
const hostileUint = fc.oneof(
  fc.nat(5),
  fc.constantFrom(2 ** 47, 2 ** 47 + 1, 2 ** 48 - 1, 2 ** 48, 2 ** 48 + 1, 2 ** 49, 2 ** 53 - 2, 2 ** 53 - 1, 2 ** 53),
)
const hostileNumber = fc.oneof(
  hostileUint,
  fc.constantFrom(
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    -1,
    -(2 ** 48),
    -(2 ** 53),
    0.5,
    1e300,
  ),
)

/** Values of a writer that does not limit its numbers. */
function rawWriter() {
  const to = createByteWriter()
  return {
    to,
    uint(n: number): void {
      let rest = BigInt(n)
      for (; rest >= 128n; rest >>= 7n) to.u8(Number(rest & 127n) | 128)
      to.u8(Number(rest))
    },
    num(n: number): void {
      const bytes = Buffer.alloc(8)
      bytes.writeDoubleLE(n)
      for (const byte of [8, ...bytes]) to.u8(byte)
    },
  }
}
type RawWriter = ReturnType<typeof rawWriter>

/** Usually plausible, sometimes hostile, so that some pages are valid except for one number. */
const uints = (length: number) =>
  fc.array(fc.oneof({ weight: 4, arbitrary: fc.nat(9) }, { weight: 1, arbitrary: hostileUint }), {
    minLength: length,
    maxLength: length,
  })
const numbers = (length: number) =>
  fc.array(fc.oneof({ weight: 9, arbitrary: fc.nat(9) }, { weight: 1, arbitrary: hostileNumber }), {
    minLength: length,
    maxLength: length,
  })

const payload = fc
  .record({
    head: uints(4),
    clean: fc.boolean(),
    counters: uints(5),
    baseline: uints(5),
    failures: uints(2),
    run: numbers(3),
    snapshot: numbers(5),
    times: numbers(6),
    event: uints(8),
    eventTime: numbers(1),
    leftOut: uints(2),
    forgotten: uints(5),
    parts: fc.subarray(['unit', 'more', 'event', 'leftOut', 'forgotten'] as const),
  })
  .map((values) => {
    const raw = rawWriter()
    const { to } = raw
    to.field(1, () => {
      to.field(1, () => to.id(STREAM))
      to.field(2, () => {
        to.u8(values.clean ? 1 : 0)
        for (const n of values.head) raw.uint(n)
      })
      to.field(4, () => to.id(BOOT))
    })
    to.field(2, () => to.text(UNIT))
    if (values.parts.includes('unit')) to.field(3, () => writeUnit(raw, values, values.parts.includes('more')))
    if (values.parts.includes('forgotten')) {
      to.field(6, () => {
        values.forgotten.forEach(raw.uint)
        to.text('wirepas-sink-*.service')
      })
    }
    if (values.parts.includes('event')) to.field(4, () => writeStart(raw, values.event, values.eventTime))
    if (values.parts.includes('leftOut')) {
      to.field(5, () => {
        to.u8(0)
        to.u8(4)
        for (const n of values.leftOut) raw.uint(n)
      })
    }
    return Buffer.from(to.take())
  })

interface UnitNumbers {
  readonly counters: readonly number[]
  readonly baseline: readonly number[]
  readonly failures: readonly number[]
  readonly run: readonly number[]
  readonly snapshot: readonly number[]
  readonly times: readonly number[]
}

/** The fields of `writeUnit`, by their tags. */
function writeUnit(raw: RawWriter, values: UnitNumbers, more: boolean): void {
  const { to, uint, num } = raw
  const field = (tag: number, body: (to: ByteWriter) => void) => to.field(tag, () => body(to))
  field(1, () => to.u8(0))
  field(2, () => values.counters.forEach(uint))
  if (!more) return
  field(3, () => values.baseline.forEach(uint))
  field(4, () => {
    to.word('signal')
    values.failures.forEach(uint)
  })
  field(5, () => to.id(BOOT))
  field(6, () => {
    to.id(BOOT)
    values.run.forEach(num)
  })
  field(7, () => {
    for (const word of ['active', 'running']) to.word(word)
    to.id(BOOT)
    num(values.snapshot[0] as number)
    to.word('success')
    values.snapshot.slice(1).forEach(num)
  })
  field(10, () => num(values.times[0] as number))
  field(13, () => num(values.times[1] as number))
  field(14, () => values.times.forEach(num))
  field(15, () => values.times.slice(0, 2).forEach(num))
  field(16, () => num(values.times[2] as number))
  field(18, () => num(values.times[3] as number))
}

/** A `start` event, with a `seq_gap`. */
function writeStart({ to, uint, num }: RawWriter, values: readonly number[], time: readonly number[]): void {
  to.field(1, () => {
    for (const byte of [1, 0, 0]) to.u8(byte)
    uint(values[0] as number)
    num(time[0] as number)
    values.slice(1, 6).forEach(uint)
  })
  to.field(3, () => uint(values[6] as number))
  to.field(4, () => {
    for (const word of ['inactive', 'active', 'running']) to.word(word)
  })
  to.field(5, () => to.id(BOOT))
}

/** In a form that is short to print. */
interface HostilePage {
  readonly header: PageHeader
  readonly payload: string
}

/** The parts and the commit numbers of pages often belong together, so that there are chains. */
export const hostilePages: fc.Arbitrary<HostilePage[]> = fc
  .tuple(
    hostileUint,
    fc.array(
      fc.record({
        kind: fc.constantFrom('snapshot' as const, 'delta' as const, 'history' as const),
        part: fc.constantFrom(0, 0, 1, 65_535),
        parts: fc.constantFrom(1, 1, 1, 2, 0, 65_535),
        after: fc.constantFrom(0, 1, 2),
        other: fc.option(hostileUint),
        base: fc.option(hostileUint),
        wallMs: fc.oneof(fc.constant(0), fc.constant(0), hostileNumber),
        payload,
      }),
      { minLength: 1, maxLength: 8 },
    ),
  )
  .map(([first, pages]) =>
    pages.map(({ kind, part, parts, after, other, base, wallMs, payload }) => {
      const header = { kind, part, parts, seq: other ?? first + after, base: base ?? first, boot: BOOT, wallMs }
      return { header, payload: payload.toString('hex') }
    }),
  )

export function bytesOf(pages: readonly HostilePage[]): Buffer {
  return Buffer.concat(pages.map(({ header, payload }) => encodePage(header, Buffer.from(payload, 'hex'))))
}
