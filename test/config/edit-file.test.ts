// Adding a unit to monitored_services of a configuration file, and removing it.
import { describe, expect, test } from 'vitest'
import { withoutWatched, withWatched } from '../../src/config/edit-file.ts'

describe('monitored_services of a configuration', () => {
  const FILE = `{
  // ours
  "monitored_services": ["a.service", /* main */ "b.service"],
  "debug": true
}
`

  test('gets a unit added at the end and removed again, and the rest of the file is unchanged', () => {
    const added = withWatched(FILE, 'blink.service', ['a.service', 'b.service'])
    expect(added).toContain('// ours')
    expect(added).toMatch(/\/\* main \*\/\s*"b.service",\s*"blink.service"\s*\]/)
    expect(withoutWatched(added ?? '', 'blink.service')).toMatch(/"b.service"\s*\],\n {2}"debug": true/)
  })

  test('is created from the watched units if the file or the list does not exist', () => {
    expect(JSON.parse(withWatched(null, 'blink.service', ['a.service']) ?? '')).toEqual({
      monitored_services: ['a.service', 'blink.service'],
    })
    expect(JSON.parse(withWatched('{"debug": true}', 'blink.service', ['a.service']) ?? '')).toEqual({
      debug: true,
      monitored_services: ['a.service', 'blink.service'],
    })
  })

  test('is unchanged if there is nothing to add or remove', () => {
    expect(withWatched(FILE, 'a.service', ['a.service', 'b.service'])).toBeNull()
    expect(withoutWatched(FILE, 'blink.service')).toBeNull()
  })
})
