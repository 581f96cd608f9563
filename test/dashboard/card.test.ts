// The card of a unit in a real browser: opening and closing it, and the operations of the unit.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { crash, emit, temporaryDirectory, until } from '../http/fake-gateway.ts'
import { PHONE, WALL } from '../rig/chromium.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { explanationOf, routeCardData } from './card-data.ts'
import { accessibilityProblems, fitsWidth, inChromium } from './in-chromium.ts'
import { SCENES, type Scene } from './scenes.ts'

describeUnless(missingPrograms('chromium'), 'the card of a unit in Chromium', () => {
  const open = inChromium()
  const GAVE_UP = SCENES['one-crashed'] as Scene
  const FRAMES = ['parse_frame (devmgmt + 0x41f0)', 'main (devmgmt + 0x1080)']

  const devmgmt = (page: Page) => page.getByRole('dialog', { name: 'devmgmt' })
  const section = (page: Page, title: string) =>
    page.locator('#card section', { has: page.getByRole('heading', { name: title, exact: true }) })

  test('a click, the Enter key or the address opens it; Escape and Close close it, and the focus returns', async () => {
    const { page, http, problems } = await open(GAVE_UP)
    await page.route('**/explain', (route) => route.fulfill({ json: explanationOf(0) }))
    const card = devmgmt(page)
    const unit = page.getByRole('button', { name: 'devmgmt' })
    const focused = () => page.evaluate('document.activeElement.textContent')

    await page.locator('.unit', { has: unit }).locator('.timeline').click()
    await card.waitFor()
    await page.waitForURL(({ hash }) => hash === '#unit=devmgmt.service')
    expect(await card.getByRole('button', { name: /close|cancel|ok/i }).count()).toBe(1)
    await card.getByRole('button', { name: 'Close' }).click()
    await card.waitFor({ state: 'hidden' })
    await page.waitForURL(({ hash }) => hash === '')

    await unit.press('Enter')
    await card.waitFor()
    expect(await card.getByText('gave up', { exact: true }).isVisible()).toBe(true)
    await page.keyboard.press('Escape')
    await card.waitFor({ state: 'hidden' })
    expect(await focused()).toBe('devmgmt')

    await page.evaluate(`location.hash = 'unit=devmgmt.service'`)
    await card.waitFor()
    await page.reload()
    await card.waitFor()
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await card.waitFor({ state: 'hidden' })
    await page.evaluate(`location.hash = 'unit=not-watched.service'`)
    expect(await page.getByRole('dialog').count()).toBe(0)

    // Text that is selected on the page does not keep the Enter key from opening the card.
    await page.evaluate(`getSelection().selectAllChildren(headline)`)
    await unit.press('Enter')
    await card.waitFor()
    expect(await card.getByText('Connection lost').isVisible()).toBe(false)
    expect(problems).toEqual([])
    await http.stop()
    await card.getByText('Connection lost').waitFor()
  })

  /** Opens the card of the unit that gave up, with the responses of card-data.ts. */
  async function openWithData(look: Parameters<typeof open>[1] = {}) {
    const opened = await open(GAVE_UP, look)
    const { page } = opened
    const explained = await routeCardData(page, { frames: FRAMES, log: ['<b>queue is full</b>'] })
    await page.getByRole('button', { name: 'devmgmt' }).click()
    await section(page, 'What happened').getByText('crashed at').waitFor()
    return { ...opened, explained }
  }

  test('it shows the explanation, the crashes, what the unit uses, its dependencies and log lines', async () => {
    const { page, it, http, explained, problems } = await openWithData()
    const sentences = await section(page, 'What happened').locator('p:visible').allTextContents()
    expect(sentences.slice(1)).toEqual(
      explanationOf(0)
        .sentences.slice(1)
        .map((one) => one.replaceAll('`', '')),
    )
    expect(await section(page, 'The minute before').locator('li').allTextContents()).toEqual([
      '41 s beforemosquitto restart: restart 4, start 5',
      'thendevmgmt crash: SIGKILL, will not restart (crash 2)',
    ])
    expect(await section(page, 'Core dump').locator('pre').textContent()).toBe(FRAMES.join('\n'))
    await section(page, 'Last 30 days')
      .getByRole('img', { name: /^last 30 days: 17 crashes on 3 days: 3 on .*; 1 run lost$/ })
      .waitFor()
    expect(await section(page, 'Crashes by signature').locator('tbody tr').allTextContents()).toEqual([
      '2SIGKILL12m ago9f02ab34cd56',
      '15exit 316d ago5ab1c0de77e1',
    ])
    expect(await section(page, 'Now').locator('dl').textContent()).toMatch(/^Memory48\.0 MiB.*Tasks7/)
    expect(await section(page, 'Unit file and drop-ins').locator('li').count()).toBe(2)
    // Text from the gateway is not markup.
    expect(await section(page, 'Last log lines').locator('pre').textContent()).toContain('<b>queue is full</b>')
    await section(page, 'Now').getByText('CPU', { exact: true }).waitFor()

    const before = explained()
    emit(it, http, crash(it.state.seq + 1, 'mosquitto.service', { atMs: Date.now() }))
    await page.locator('#announcement', { hasText: 'mosquitto.service crashed' }).waitFor({ state: 'attached' })
    emit(it, http, crash(it.state.seq + 1, 'devmgmt.service', { atMs: Date.now() }))
    await page.locator('#announcement', { hasText: 'devmgmt.service crashed' }).waitFor({ state: 'attached' })
    await until(() => explained() > before, 'the explanation of the new crash')
    expect(explained()).toBe(before + 1)

    await section(page, 'Dependencies').getByRole('button', { name: 'mosquitto' }).click()
    await page.getByRole('dialog', { name: 'mosquitto' }).waitFor()
    expect(await page.evaluate('document.activeElement.textContent')).toBe('mosquitto')
    await page.keyboard.press('Escape')
    expect(await page.evaluate('document.activeElement.textContent')).toBe('devmgmt')
    expect(problems).toEqual([])
  })

  test.each([
    { viewport: PHONE, dark: true },
    { viewport: WALL, dark: false },
  ])('it is readable and accessible at $viewport.width px', async (look) => {
    const { page, problems } = await openWithData(look)
    expect(await accessibilityProblems(page)).toEqual([])
    expect(await fitsWidth(page)).toBe(true)
    expect(await page.evaluate('card.scrollWidth <= card.clientWidth')).toBe(true)
    expect(problems).toEqual([])
  })

  test('what needs a token is shown once it is entered; a wrong one is reported as such', async () => {
    const { page } = await open(GAVE_UP)
    const sent: (string | undefined)[] = []
    await page.route('**/api/v1/units/*/explain', (route) => {
      const authorization = route.request().headers()['authorization']
      sent.push(authorization)
      if (authorization === 'Bearer sesame') return route.fulfill({ json: explanationOf(Date.now()) })
      const error = { code: 'unauthorized', message: 'a valid bearer token is required' }
      return route.fulfill({ status: 401, json: { error } })
    })
    await page.getByRole('button', { name: 'devmgmt' }).click()
    await section(page, 'What happened').getByText('memory and dependencies need a token.').waitFor()
    for (const token of ['wrong', 'sesame']) {
      if (token === 'wrong') await devmgmt(page).getByRole('button', { name: 'Enter token' }).click()
      await page.getByLabel('Control token').fill(token)
      await page.getByRole('button', { name: 'Show', exact: true }).click()
      if (token === 'wrong') await page.locator('#ask').getByText('Wrong token').waitFor()
    }
    await section(page, 'What happened').getByText('crashed at').waitFor()
    expect(await devmgmt(page).getByRole('button', { name: 'Enter token' }).count()).toBe(0)
    expect(sent).toEqual([undefined, 'Bearer wrong', 'Bearer sesame'])
  })

  test('where the gateway has no sign-in, it says what to configure, and does not request it again', async () => {
    const { page } = await open(GAVE_UP)
    let requests = 0
    await page.route('**/api/v1/units/*/explain', (route) => {
      requests += 1
      const error = { code: 'no_authentication', message: 'this connection has no authentication' }
      return route.fulfill({ status: 403, json: { error } })
    })
    for (const name of ['devmgmt', 'mosquitto']) {
      await page.getByRole('button', { name, exact: true }).click()
      await section(page, 'What happened').getByText('need a sign-in').waitFor()
      expect(await page.locator('#card').getByRole('button').allTextContents()).toEqual(['Close'])
      await page.keyboard.press('Escape')
    }
    expect(requests).toBe(1)
  })

  test('without control there are no buttons; with it, a command needs the token, which is entered once', async () => {
    const { page, it, problems } = await open(SCENES['all-ok'] as Scene)
    await page.route('**/explain', (route) => route.fulfill({ json: explanationOf(0) }))
    await page.evaluate(`location.hash = 'unit=mosquitto.service'`)
    const card = page.locator('#card')
    const operation = (name: string) => card.getByRole('button', { name, exact: true })
    const ask = page.locator('#ask')
    const openCard = async (name: string) => {
      await page.keyboard.press('Escape')
      await page.getByRole('button', { name, exact: true }).click()
    }
    await card.waitFor()
    expect(await card.getByRole('button').allTextContents()).toEqual(['Close'])
    expect(await section(page, 'Operations').getByText('They need control.enabled').isVisible()).toBe(true)

    it.rules = { enabled: true, token_file: join(temporaryDirectory(), 'token') }
    writeFileSync(it.rules.token_file ?? '', 'sesame\n')
    await page.reload()
    await operation('Restart').click()
    expect(await section(page, 'Operations').isVisible()).toBe(false)
    await ask.getByLabel('Control token').fill('wrong')
    await ask.getByRole('button', { name: 'Restart' }).click()
    await ask.getByText('Wrong token').waitFor()
    expect(await ask.getByRole('button').allTextContents()).toEqual(['Restart', 'Cancel'])
    await page.keyboard.press('Escape')
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Restart')
    expect(it.commandsRun).toEqual([])
    expect(problems.splice(0)).toEqual([expect.stringContaining('401')])

    await operation('Restart').click()
    await ask.getByLabel('Control token').fill('sesame')
    await page.keyboard.press('Enter')
    await card.getByRole('status').getByText('Restart mosquitto: done').waitFor()
    await openCard('hwcheck.timer')
    expect(await card.getByText('Restart mosquitto: done').count()).toBe(0)
    await operation('Stop').click()
    expect(await ask.getByLabel('Control token').isVisible()).toBe(false)
    await ask.getByRole('button', { name: 'Stop' }).click()
    await card.getByText('Stop hwcheck.timer: done').waitFor()
    await openCard('mosquitto')
    await operation('Restart').click()
    await ask.getByRole('button', { name: 'Cancel' }).click()
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
})
