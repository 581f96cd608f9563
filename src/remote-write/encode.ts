// Encodes a batch as the body of a remote write 1.0 request: a protobuf message, compressed with snappy (block format).
import { PbfWriter } from 'pbf'
import { compress } from 'snappyjs'
import type { Batch, BatchSample } from './batch.ts'
import type { PushedSeries } from './series.ts'

/** prometheus/prompb/remote.proto and types.proto. */
const FIELD = { timeseries: 1, samples: 2, value: 1, timestamp: 2 }

/**
 * The value of a staleness mark in a Sample: its tag, and the NaN 0x7ff0000000000002, little-endian. As bytes, because a
 * JavaScript number does not keep which NaN it is.
 */
const STALE_VALUE = Uint8Array.of(0x09, 0x02, 0, 0, 0, 0, 0, 0xf0, 0x7f)

export function encode({ series, bytes }: Pick<Batch, 'series' | 'bytes'>): Uint8Array {
  const writer = new PbfWriter(new Uint8Array(bytes))
  for (const one of series) writer.writeMessage(FIELD.timeseries, writeSeries, one)
  return compress(writer.finish())
}

function writeSeries([{ labels }, samples]: readonly [PushedSeries, readonly BatchSample[]], to: PbfWriter): void {
  writeRaw(labels, to)
  for (const sample of samples) to.writeMessage(FIELD.samples, writeSample, sample)
}

function writeSample({ value, stampMs }: BatchSample, to: PbfWriter): void {
  if (value === null) writeRaw(STALE_VALUE, to)
  else to.writeDoubleField(FIELD.value, value)
  to.writeVarintField(FIELD.timestamp, stampMs)
}

function writeRaw(bytes: Uint8Array, to: PbfWriter): void {
  to.realloc(bytes.length)
  to.buf.set(bytes, to.pos)
  to.pos += bytes.length
}
