// Responses with a body that several clients share: it is neither copied nor compressed for each of them.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { createResponder } from '../../src/http/respond.ts'

const { send } = createResponder((address) => address)

test.each([9_000, 200_000])('a shared body of %i bytes is compressed once', async (bytes) => {
  const body = Buffer.alloc(bytes, 'up 1\n')
  const sent: unknown[] = []
  const server = createServer((request, response) => {
    const end = response.end.bind(response)
    response.end = (content: unknown) => {
      sent.push(content)
      return end(content)
    }
    send(request, response, { status: 200, type: 'text/plain', body })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const fetched = async (coding: string) => (await fetch(url, { headers: { 'accept-encoding': coding } })).text()
  try {
    expect(new Set(await Promise.all([1, 2, 3].map(() => fetched('gzip'))))).toEqual(new Set([String(body)]))
    expect(await fetched('identity')).toBe(String(body))
  } finally {
    server.close()
  }
  expect(new Set(sent).size).toBe(2)
  expect(gunzipSync(sent[0] as Buffer)).toEqual(body)
  expect(sent[3]).toBe(body)
})
