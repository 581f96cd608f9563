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

  test('takes a unit in at its end and out again, and keeps the rest of the file', () => {
    const added = withWatched(FILE, 'blink.service', ['a.service', 'b.service'])
    expect(added).toContain('// ours')
    expect(added).toMatch(/\/\* main \*\/\s*"b.service",\s*"blink.service"\s*\]/)
    expect(withoutWatched(added ?? '', 'blink.service')).toMatch(/"b.service"\s*\],\n {2}"debug": true/)
  })

  test('is made of what is watched, where the file or the list is not there', () => {
    expect(JSON.parse(withWatched(null, 'blink.service', ['a.service']) ?? '')).toEqual({
      monitored_services: ['a.service', 'blink.service'],
    })
    expect(JSON.parse(withWatched('{"debug": true}', 'blink.service', ['a.service']) ?? '')).toEqual({
      debug: true,
      monitored_services: ['a.service', 'blink.service'],
    })
  })

  test('stays as it is where there is nothing to change', () => {
    expect(withWatched(FILE, 'a.service', ['a.service', 'b.service'])).toBeNull()
    expect(withoutWatched(FILE, 'blink.service')).toBeNull()
  })
})
