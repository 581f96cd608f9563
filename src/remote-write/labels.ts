// Encodes the labels of a series: the fields `labels` of a TimeSeries in prometheus/prompb/types.proto.
import { PbfWriter } from 'pbf'

const FIELD = { labels: 1, name: 1, value: 2 }

export function encodeLabels(labels: readonly (readonly [name: string, value: string])[]): Uint8Array {
  const writer = new PbfWriter()
  for (const label of labels) writer.writeMessage(FIELD.labels, writeLabel, label)
  return Buffer.from(writer.finish()) // a copy in Node's pool, instead of the larger buffer of the writer
}

function writeLabel([name, value]: readonly [string, string], to: PbfWriter): void {
  to.writeStringField(FIELD.name, name)
  to.writeStringField(FIELD.value, value)
}
