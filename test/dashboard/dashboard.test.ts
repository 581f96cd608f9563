// The dashboard in a real browser, served by fake gateways: what it shows, control, and protection against injection.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import { hashSync } from 'bcryptjs'
import type { Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { dashboard } from '../../build/bundle/dashboard.mjs'
import { withUnits } from '../../src/core/state.ts'
import type { Unit } from '../../src/core/unit.ts'
import { crash, emit, httpOf, temporaryDirectory, until } from '../http/fake-gateway.ts'
import { DESKTOP, PHONE } from '../rig/chromium.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { accessibilityProblems, fitsWidth, inChromium } from './in-chromium.ts'
import { SCENES, type Scene } from './scenes.ts'

const PAGE_BYTES_AT_MOST = 60 * 1024

test('the page is small and loads nothing else', async () => {
  const compressed = Buffer.from((await dashboard()).page, 'base64')
  const html = brotliDecompressSync(compressed).toString()
  expect(Buffer.byteLength(html)).toBeLessThan(PAGE_BYTES_AT_MOST)
  expect(html.match(/(src|href)="(?!#|data:|\/api\/)[^"]*"|url\(|@import/g)).toBeNull()
})

/** For each row of facts: their number, and the pixels that are free at its end. */
async function rowsOfFacts(page: Page): Promise<readonly { readonly count: number; readonly free: number }[]> {
  const list = await page.locator('#facts').boundingBox()
  const facts = await page.locator('#facts div').all()
  const rows = new Map<number, { count: number; free: number }>()
  for (const fact of facts) {
    const { x = 0, y = 0, width = 0 } = (await fact.boundingBox()) ?? {}
    const free = Math.abs((list?.x ?? 0) + (list?.width ?? 0) - 1 - x - width)
    rows.set(y, { count: (rows.get(y)?.count ?? 0) + 1, free })
  }
  return [...rows.values()]
}

describeUnless(missingPrograms('chromium'), 'the dashboard in Chromium', () => {
  const open = inChromium()

  const HEADLINES: Readonly<Record<string, readonly [string, string]>> = {
    'all-ok': ['All OK', '12 units watched, no crash so far.'],
    'one-crashed': ['1 of 12 units needs attention', 'devmgmt: gave up, SIGKILL 12m ago'],
    flapping: ['1 of 12 units needs attention', 'mosquitto: flapping, SIGKILL 4m ago\nmqtt: connect ECONNREFUSED'],
    'not-found': ['1 of 12 units needs attention', 'provisioning: not found\nclock: not synchronised'],
    degraded: ['gatewatch is degraded', 'units: x@9.service: not watched: the limit of 12 units is reached'],
    'agent-unhealthy': [
      'gatewatch has a problem',
      'bus: connect to unix:path=/run/dbus/system_bus_socket: ECONNREFUSED\nstate_file: /var/lib/gatewatch/state.ring: EROFS: read-only file system\nmqtt: connect ECONNREFUSED',
    ],
  }

  describe.each(Object.entries(SCENES))('%s', (name, scene) => {
    test.each([
      { size: 'phone', viewport: PHONE, dark: true },
      { size: 'desktop', viewport: DESKTOP, dark: false },
    ])('is readable and accessible on a $size, dark: $dark', async ({ viewport, dark }) => {
      const { page, problems, shifted } = await open(scene, { viewport, dark })
      expect([await page.textContent('#headline'), await page.textContent('#detail')]).toEqual(HEADLINES[name])
      expect(await accessibilityProblems(page)).toEqual([])
      expect(await shifted()).toBeLessThan(0.02)
      expect(await fitsWidth(page)).toBe(true)
      expect(problems).toEqual([])
    })
  })

  test('a crash appears at once in the headline, at its unit and on top of the events', async () => {
    const { page, it, http, shifted, problems } = await open(SCENES['all-ok'] as Scene)
    const before = await shifted()
    const last = it.events.at(-1)?.seq ?? 0
    // The first unit stays the first one, so no row moves.
    const killed = crash(last + 1, 'wirepas-gateway.service', { atMs: Date.now() })
    const units = it.state.units.map((unit) =>
      unit.name !== killed.unit ? unit : { ...unit, gaveUp: true, counters: killed.counters },
    )
    it.state = { ...it.state, ...withUnits(it.state, units) }
    emit(it, http, killed)
    await page.locator('#headline', { hasText: '1 of 12 units needs attention' }).waitFor()
    const row = page.locator('.unit').first()
    expect(await row.locator('h3').textContent()).toBe('wirepas-gateway')
    expect(await row.locator('.state').textContent()).toBe('gave up')
    expect(await row.locator('dl').textContent()).toBe('starts2stops0crashes1restarts1lost0')
    expect(await row.getByRole('img').getAttribute('aria-label')).toMatch(/^last 24 hours: running .*, 1 crash$/)
    expect(await page.locator('#events li').first().textContent()).toContain('crash')
    expect(await page.locator('#announcement').textContent()).toBe('wirepas-gateway.service crashed')
    expect((await shifted()) - before).toBeLessThan(0.02)
    expect(problems).toEqual([])
  })

  test('units that need attention come first, and a row that moves keeps the focus', async () => {
    const { page, it, http } = await open(SCENES['not-found'] as Scene)
    const names = () => page.locator('.unit h3').allTextContents()
    const configured = it.state.units.map(({ name }) => name.replace(/\.service$/, ''))
    expect(await names()).toEqual(['provisioning', ...configured.filter((name) => name !== 'provisioning')])

    await page.getByRole('button', { name: 'mosquitto' }).focus()
    const units = it.state.units.map((unit) => (unit.name === 'mosquitto.service' ? { ...unit, gaveUp: true } : unit))
    it.state = { ...it.state, ...withUnits(it.state, units) }
    emit(it, http, crash(it.state.seq + 1, 'mosquitto.service', { atMs: Date.now() }))
    await page.locator('.unit', { hasText: 'gave up' }).waitFor()
    expect((await names()).slice(0, 3)).toEqual(['mosquitto', 'provisioning', 'wirepas-gateway'])
    expect(await page.evaluate('document.activeElement.textContent')).toBe('mosquitto')
  })

  test('facts fill their rows at every width, and the clock is in sync unless the gateway reports otherwise', async () => {
    const { page } = await open(SCENES['all-ok'] as Scene)
    const fact = (name: string) => page.locator('#facts div', { hasText: name }).locator('dd').textContent()
    expect(await fact('Clock')).toBe('in sync')
    for (const width of [320, 400, 520, 700, 900, 1280, 1700, 1920, 2560, 3840]) {
      await page.setViewportSize({ width, height: 900 })
      const rows = await rowsOfFacts(page)
      const lengths = rows.map(({ count }) => count)
      expect(Math.max(...lengths) - Math.min(...lengths), `${width} px: ${lengths}`).toBeLessThanOrEqual(1)
      for (const { free } of rows) expect(free, `${width} px`).toBeLessThanOrEqual(2)
      expect(await fitsWidth(page), `${width} px`).toBe(true)
    }
    const other = await open(SCENES['not-found'] as Scene)
    const clock = other.page.locator('#facts div', { hasText: 'Clock' }).locator('dd')
    expect(await clock.textContent()).toBe('not in sync')
  })

  test('a frozen unit and a refused start are shown; without contact to systemd, every state is unknown', async () => {
    const { page, it, http } = await open(SCENES['all-ok'] as Scene)
    const show = (change: (unit: Unit) => Partial<Unit>) => {
      it.state = {
        ...it.state,
        ...withUnits(
          it.state,
          it.state.units.map((unit) => ({ ...unit, ...change(unit) })),
        ),
      }
      const { bootId, source, clockSynced, counters, unit } = crash(1)
      const common = { seq: it.state.seq + 1, atMs: Date.now(), bootId, source, clockSynced, counters, unit }
      emit(it, http, { ...common, kind: 'start_refused', result: 'dependency' })
    }
    const stateOf = (name: string) =>
      page.locator('.unit', { has: page.getByRole('heading', { name, exact: true }) }).locator('.state')

    show(({ name, snapshot }) => {
      if (name === 'mosquitto.service') return { startJobsFailed: { dependency: 1, timeout: 1 } }
      return name === 'devmgmt.service' && snapshot ? { snapshot: { ...snapshot, frozen: true } } : {}
    })
    await stateOf('devmgmt').filter({ hasText: 'frozen' }).waitFor()
    expect(await page.textContent('#detail')).toBe('devmgmt: frozen')
    expect(await page.locator('.cause', { hasText: '2 starts refused' }).count()).toBe(1)
    expect(await page.locator('#events li').first().textContent()).toContain('not started: dependency')

    show(() => ({ outOfContact: true }))
    await page.locator('#headline', { hasText: 'The state of 12 of 12 units is unknown' }).waitFor()
    expect(await stateOf('devmgmt').textContent()).toBe('unknown')
    expect(await page.locator('.unit .since time:visible').count()).toBe(0)
  })

  test('a change of state is shown at once, and an older status does not undo it', async () => {
    const { page, it, http } = await open(SCENES['all-ok'] as Scene)
    const pending: ((more: object) => Promise<void>)[] = []
    await page.route('**/api/v1/status', async (route) => {
      const old = (await (await route.fetch()).json()) as object
      pending.push((more) => route.fulfill({ json: { ...old, ...more } }))
    })
    const change = (activeState: string, subState: string) => {
      const before = it.state
      const units = before.units.map((unit) =>
        unit.name === 'mosquitto.service' && unit.snapshot !== null
          ? { ...unit, snapshot: { ...unit.snapshot, activeState, subState } }
          : unit,
      )
      it.state = { ...before, ...withUnits(before, units) }
      http.accept({ before, after: it.state, events: [], at: { monoMs: 0, wallMs: 0 } })
    }
    const unit = page.locator('.unit', { has: page.getByRole('button', { name: 'mosquitto' }) })
    emit(it, http, crash(it.state.seq + 1, 'hwcheck.timer', { atMs: Date.now() }))
    await until(() => pending.length === 1, 'the request for the status')
    change('activating', 'start-pre')
    await unit.locator('.state', { hasText: 'activating' }).waitFor()
    expect(await unit.locator('.since').textContent()).toMatch(/^start-pre for /)
    await pending[0]?.({ version: '9.9.9' })
    await page.locator('#facts', { hasText: '9.9.9' }).waitFor()
    expect(await unit.locator('.state').textContent()).toBe('activating')
    change('failed', 'failed')
    await unit.locator('.state', { hasText: 'failed' }).waitFor()
    expect(await page.textContent('#headline')).toBe('1 of 12 units needs attention')
  })

  test('a lost connection is shown at once, and missed events appear after it', async () => {
    const shown = await open(SCENES['all-ok'] as Scene)
    const { page } = shown
    await shown.http.stop()
    await page.locator('#link', { hasText: 'Connection lost' }).waitFor()
    expect(await page.textContent('#headline')).toBe('The gateway does not respond')
    expect(await page.textContent('#detail')).toMatch(
      /^The request failed or timed out\. Showing data from \d\d:\d\d:\d\d; retrying\.$/,
    )

    expect(await page.locator('body[data-stale]').count()).toBe(1)

    const { it } = shown
    it.events = [...it.events, crash((it.events.at(-1)?.seq ?? 0) + 1, 'hwcheck.timer', { atMs: Date.now() })]
    it.state = { ...it.state, seq: it.events.length }
    const again = httpOf(it)
    await again.serveTcp('127.0.0.1', Number(new URL(shown.url).port))
    await page.locator('#link', { hasText: 'Live' }).waitFor()
    await page.locator('#events li', { hasText: 'hwcheck.timer' }).filter({ hasText: 'crash' }).waitFor()
    expect(await page.textContent('#headline')).toBe('All OK')
    expect(await page.locator('body[data-stale]').count()).toBe(0)
  })

  test('malicious names and log lines are shown as text', async () => {
    const bad = '"><img src=x onerror=alert(1)><script>alert(2)</script>.service'
    const { page, problems, it, http } = await open({
      ...(SCENES['all-ok'] as Scene),
      histories: {
        [bad]: [
          [5, 'start'],
          [4, 'crash'],
          [4, 'gave_up'],
        ],
      },
      problems: { bus: '<svg onload=alert(3)>' },
    })
    page.on('dialog', (dialog) => problems.push(`dialog: ${dialog.message()}`))
    await page.locator('#link', { hasText: 'Live' }).waitFor()
    // The gateway sends journal lines only to authenticated clients; this page is not, so the test adds them.
    const lines = ['</script><script>alert(4)</script>', '<b onclick=alert(5)>']
    await page.route('**/api/v1/events*', async (route) => {
      const reply = (await (await route.fetch()).json()) as { events: object[] }
      const events = reply.events.map((event) => ({ ...event, log: lines }))
      await route.fulfill({ json: { ...reply, events } })
    })
    await page.reload()
    await page.locator('#events summary').first().click()
    expect(await page.locator('#events pre').first().textContent()).toBe(lines.join('\n'))
    expect(await page.getByRole('heading', { level: 3 }).textContent()).toBe(bad.replace(/\.service$/, ''))
    expect(await page.textContent('#detail')).toContain('<svg onload=alert(3)>')
    expect(await page.locator('img, [onload], [onerror], [onclick], #events b b').count()).toBe(0)
    emit(it, http, crash(it.state.seq + 1, bad, { result: '<i>', signal: null }))
    await page.locator('#events li', { hasText: '<i>, will restart' }).waitFor()
    expect(await page.locator('script').count()).toBe(1)
    expect(problems).toEqual([])
  })

  test('its content security policy blocks injected code', async () => {
    const { page } = await open(SCENES['all-ok'] as Scene)
    const attempt = (code: string) => page.evaluate(`try { ${code}; 'done' } catch (error) { error.name }`)
    expect(await attempt(`document.body.insertAdjacentHTML('beforeend', '<p>')`)).toBe('TypeError')
    expect(await attempt(`document.createElement('script').text = 'globalThis.injected = true'`)).toBe('TypeError')
    expect(await attempt(`document.querySelector('#units').innerHTML = ''`)).toBe('TypeError')
    const refused = page.waitForEvent('console', (message) => message.text().includes('Content Security Policy'))
    await attempt(`document.body.append(Object.assign(new Image(), { src: 'http://127.0.0.1:9/' }))`)
    expect((await refused).text()).toContain('img-src')
  })

  test('events can be filtered by unit and kind with the keyboard alone', async () => {
    const { page } = await open(SCENES['flapping'] as Scene)
    expect(await page.locator('#events li').count()).toBe(30)
    await page.getByRole('button', { name: 'Show older events' }).press('Enter')
    expect(await page.locator('#events li').count()).toBe(45)
    await page.getByRole('combobox', { name: /^Kind/ }).focus()
    await page.keyboard.type('crash')
    expect(await page.locator('#events li').count()).toBe(14)
    await page.getByRole('combobox', { name: /^Unit/ }).focus()
    await page.keyboard.type('hw')
    expect(await page.locator('#events li').count()).toBe(0)
    expect(await page.locator('#no-events').isVisible()).toBe(true)
  })

  test('with a password the page works the same and shows the log lines of a crash', async () => {
    const webFile = join(temporaryDirectory(), 'web.yml')
    writeFileSync(webFile, `basic_auth_users: {tech: ${hashSync('secret', 4)}}`)
    const credentials = { username: 'tech', password: 'secret' }
    const { page, problems, it, http } = await open(SCENES['all-ok'] as Scene, { webFile, credentials })
    emit(it, http, crash(it.state.seq + 1, 'hwcheck.timer', { atMs: Date.now(), log: ['out of paper'] }))
    await page.locator('#events summary').click()
    expect(await page.locator('#events pre').textContent()).toBe('out of paper')

    const { bootId, source, clockSynced, counters, unit } = crash(1, 'hwcheck.timer')
    const base = { seq: it.state.seq + 1, atMs: Date.now(), bootId, source, clockSynced, counters, unit }
    const evidence = { ranMs: 200_000, sameCause24h: 3, coredump: { frames: ['print (hwcheck + 0x1a)', 'main'] } }
    emit(it, http, { ...base, kind: 'evidence', of: it.state.seq, evidence })
    const row = page.locator('#events li').first()
    await row.getByText('; ran 3 min 20 s; in print (hwcheck + 0x1a); 3 times in 24 h').waitFor()
    expect(await row.locator('.kind').textContent()).toBe('crash')
    expect(await page.locator('#events details[open] pre').textContent()).toBe('out of paper')
    await page.getByRole('button', { name: 'hwcheck.timer' }).click()
    await page.locator('#card .sentences p', { hasText: 'hwcheck.timer' }).first().waitFor()
    expect(await page.locator('#card .notice').isVisible()).toBe(false)
    expect(problems).toEqual([])
  })
})
