// The dashboard in a real browser, served by fake gateways: what it shows, control, and protection against injection.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import axe from 'axe-core'
import { hashSync } from 'bcryptjs'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { dashboard } from '../../build/bundle/dashboard.mjs'
import { withUnits } from '../../src/core/state.ts'
import type { Unit } from '../../src/core/unit.ts'
import { crash, emit, httpOf, temporaryDirectory } from '../http/fake-gateway.ts'
import { DESKTOP, openPage, PHONE, startChromium } from '../rig/chromium.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { SCENES, type Scene } from './scenes.ts'
import { serveScene } from './serve-scene.ts'

const PAGE_BYTES_AT_MOST = 60 * 1024

test('the page is small and loads nothing else', async () => {
  const { html } = await dashboard()
  expect(Buffer.byteLength(html)).toBeLessThan(PAGE_BYTES_AT_MOST)
  expect(html.match(/(src|href)="(?!#|data:|\/api\/)[^"]*"|url\(|@import/g)).toBeNull()
})

describeUnless(missingPrograms('chromium'), 'the dashboard in Chromium', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await startChromium()
  })
  afterAll(() => browser.close())

  async function open(scene: Scene, look: Parameters<typeof openPage>[2] = {}) {
    const shown = await serveScene(scene)
    onTestFinished(() => shown.http.stop())
    const looked = await openPage(browser, shown.url, look)
    onTestFinished(() => looked.page.context().close())
    return { ...shown, ...looked }
  }

  const HEADLINES: Readonly<Record<string, readonly [string, string]>> = {
    'all-ok': ['All OK', '12 units watched, no crash so far.'],
    'one-crashed': ['1 of 12 units needs attention', 'devmgmt: gave up, SIGKILL 12m ago'],
    flapping: ['1 of 12 units needs attention', 'mosquitto: flapping, SIGKILL 4m ago\nmqtt: connect ECONNREFUSED'],
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
      await page.locator('#link', { hasText: 'Live' }).waitFor()
      expect([await page.textContent('#headline'), await page.textContent('#detail')]).toEqual(HEADLINES[name])
      await page.evaluate(axe.source)
      const found = await page.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run())
      expect(found.violations.map(({ id, nodes }) => [id, ...nodes.map((node) => node.html)])).toEqual([])
      expect(await shifted()).toBeLessThan(0.02)
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
      expect(problems).toEqual([])
    })
  })

  test('a crash appears at once in the headline, at its unit and on top of the events', async () => {
    const { page, it, http, shifted, problems } = await open(SCENES['all-ok'] as Scene)
    await page.locator('#link', { hasText: 'Live' }).waitFor()
    const before = await shifted()
    const last = it.events.at(-1)?.seq ?? 0
    const killed = crash(last + 1, 'devmgmt.service', { atMs: Date.now() })
    const units = it.state.units.map((unit) =>
      unit.name !== killed.unit ? unit : { ...unit, gaveUp: true, counters: killed.counters },
    )
    it.state = { ...it.state, ...withUnits(it.state, units) }
    emit(it, http, killed)
    await page.locator('#headline', { hasText: '1 of 12 units needs attention' }).waitFor()
    const row = page.locator('.unit', { has: page.getByRole('heading', { name: 'devmgmt' }) })
    expect(await row.locator('.state').textContent()).toBe('gave up')
    expect(await row.locator('dl').textContent()).toBe('starts2stops0crashes1restarts1lost0')
    expect(await row.getByRole('img').getAttribute('aria-label')).toMatch(/^last 24 hours: running .*, 1 crash$/)
    expect(await page.locator('#events li').first().textContent()).toContain('crash')
    expect(await page.locator('#announcement').textContent()).toBe('devmgmt.service crashed')
    expect((await shifted()) - before).toBeLessThan(0.02)
    expect(problems).toEqual([])
  })

  test('a frozen unit and a refused start are shown; without contact to systemd, every state is unknown', async () => {
    const { page, it, http } = await open(SCENES['all-ok'] as Scene)
    await page.locator('#link', { hasText: 'Live' }).waitFor()
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

  test('a lost connection is shown at once, and missed events appear after it', async () => {
    const shown = await serveScene(SCENES['all-ok'] as Scene)
    const { page } = await openPage(browser, shown.url)
    await page.locator('#link', { hasText: 'Live' }).waitFor()
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
    await page.context().close()
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
    await page.locator('#link', { hasText: 'Live' }).waitFor()
    expect(await page.locator('#events li').count()).toBe(30)
    await page.getByRole('button', { name: 'Show older events' }).press('Enter')
    expect(await page.locator('#events li').count()).toBe(43)
    await page.getByRole('combobox', { name: /^Kind/ }).focus()
    await page.keyboard.type('crash')
    expect(await page.locator('#events li').count()).toBe(14)
    await page.getByRole('combobox', { name: /^Unit/ }).focus()
    await page.keyboard.type('hw')
    expect(await page.locator('#events li').count()).toBe(0)
    expect(await page.locator('#no-events').isVisible()).toBe(true)
  })

  test('without control there are no buttons; with it, a command needs the token, which is entered once', async () => {
    const { page, it, problems } = await open(SCENES['all-ok'] as Scene)
    await page.locator('#link', { hasText: 'Live' }).waitFor()
    expect(await page.locator('.unit button').count()).toBe(0)

    it.rules = { enabled: true, token_file: join(temporaryDirectory(), 'token') }
    writeFileSync(it.rules.token_file ?? '', 'sesame\n')
    await page.reload()
    const restart = page.getByRole('button', { name: 'Restart mosquitto' })
    await restart.click()
    await page.getByLabel('Control token').fill('wrong')
    await page.getByRole('button', { name: 'Restart', exact: true }).click()
    await page.locator('dialog[open]', { hasText: 'a valid bearer token is required (401)' }).waitFor()
    await page.keyboard.press('Escape')
    expect(it.commandsRun).toEqual([])
    expect(problems.splice(0)).toEqual([expect.stringContaining('401')])

    await restart.click()
    await page.getByLabel('Control token').fill('sesame')
    await page.keyboard.press('Enter')
    await page.locator('#announcement', { hasText: 'Restart mosquitto: done' }).waitFor()
    await page.getByRole('button', { name: 'Stop hwcheck.timer' }).click()
    expect(await page.getByLabel('Control token').isVisible()).toBe(false)
    await page.getByRole('button', { name: 'Stop', exact: true }).click()
    await page.locator('#announcement', { hasText: 'Stop hwcheck.timer: done' }).waitFor()
    await restart.click()
    await page.getByRole('button', { name: 'Cancel' }).click()
    expect(it.commandsRun.map(({ action, unit, via }) => [action, unit, via])).toEqual([
      ['restart', 'mosquitto.service', 'http'],
      ['stop', 'hwcheck.timer', 'http'],
    ])
    expect(
      await page.evaluate(
        'document.documentElement.outerHTML + JSON.stringify({ ...localStorage, ...sessionStorage })',
      ),
    ).not.toContain('sesame')
    expect(problems).toEqual([])
  })

  test('with a password the page works the same and shows the log lines of a crash', async () => {
    const webFile = join(temporaryDirectory(), 'web.yml')
    writeFileSync(webFile, `basic_auth_users: {tech: ${hashSync('secret', 4)}}`)
    await using shown = await serveScene(SCENES['all-ok'] as Scene, webFile)
    const { it, http, url } = shown
    const { page, problems } = await openPage(browser, url, { credentials: { username: 'tech', password: 'secret' } })
    await page.locator('#link', { hasText: 'Live' }).waitFor()
    emit(it, http, crash(it.state.seq + 1, 'hwcheck.timer', { atMs: Date.now(), log: ['out of paper'] }))
    await page.locator('#events summary').click()
    expect(await page.locator('#events pre').textContent()).toBe('out of paper')
    expect(problems).toEqual([])
    await page.context().close()
  })
})
