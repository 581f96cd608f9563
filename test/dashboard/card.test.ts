// The card of a unit in a real browser: opening and closing it, and the operations of the unit.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryDirectory } from '../http/fake-gateway.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { accessibilityProblems, fitsWidth, inChromium } from './in-chromium.ts'
import { SCENES, type Scene } from './scenes.ts'

describeUnless(missingPrograms('chromium'), 'the card of a unit in Chromium', () => {
  const open = inChromium()
  const GAVE_UP = SCENES['one-crashed'] as Scene

  test('a click, the Enter key or the address opens it; Escape and Close close it, and the focus returns', async () => {
    const { page, problems } = await open(GAVE_UP)
    const card = page.getByRole('dialog', { name: 'devmgmt' })
    const unit = page.getByRole('button', { name: 'devmgmt' })
    const focused = () => page.evaluate('document.activeElement.textContent')

    await page.locator('.unit', { has: unit }).locator('.timeline').click()
    await card.waitFor()
    expect(new URL(page.url()).hash).toBe('#unit=devmgmt.service')
    expect(await card.getByRole('button', { name: /close|cancel|ok/i }).count()).toBe(1)
    await card.getByRole('button', { name: 'Close' }).click()
    await card.waitFor({ state: 'hidden' })
    expect(new URL(page.url()).hash).toBe('')

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
    expect(problems).toEqual([])
  })

  test.each([
    { viewport: { width: 320, height: 640 }, dark: true },
    { viewport: { width: 3840, height: 2160 }, dark: false },
  ])('it is readable and accessible at $viewport.width px', async (look) => {
    const { page, problems } = await open(GAVE_UP, { ...look, hash: '#unit=devmgmt.service' })
    const card = page.getByRole('dialog', { name: 'devmgmt' })
    await card.waitFor()
    expect(await accessibilityProblems(page)).toEqual([])
    expect(await fitsWidth(page)).toBe(true)
    expect(await page.evaluate('card.scrollWidth <= card.clientWidth')).toBe(true)
    expect(problems).toEqual([])
  })

  test('without control there are no buttons; with it, a command needs the token, which is entered once', async () => {
    const { page, it, problems } = await open(SCENES['all-ok'] as Scene, { hash: '#unit=mosquitto.service' })
    const card = page.locator('#card')
    const operation = (name: string) => card.getByRole('button', { name, exact: true })
    const ask = page.locator('#ask')
    const openCard = async (name: string) => {
      await page.keyboard.press('Escape')
      await page.getByRole('button', { name, exact: true }).click()
    }
    await card.waitFor()
    expect(await card.getByRole('button').allTextContents()).toEqual(['Close'])

    it.rules = { enabled: true, token_file: join(temporaryDirectory(), 'token') }
    writeFileSync(it.rules.token_file ?? '', 'sesame\n')
    await page.reload()
    await operation('Restart').click()
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
