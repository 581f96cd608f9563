// Opens scenes of the dashboard in one Chromium for all tests of a file.
import axe from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { openPage, type PageOptions, startChromium } from '../rig/chromium.ts'
import type { Scene } from './scenes.ts'
import { serveScene } from './serve-scene.ts'

interface OpenOptions extends PageOptions {
  /** The part of the address after `#`. */
  readonly hash?: string
  readonly webFile?: string
}

/** Called where tests are defined; the function that it returns opens a scene and waits until it is live. */
export function inChromium() {
  let browser: Browser
  beforeAll(async () => {
    browser = await startChromium()
  })
  afterAll(() => browser.close())
  return async (scene: Scene, { hash = '', webFile, ...look }: OpenOptions = {}) => {
    const shown = await serveScene(scene, webFile)
    onTestFinished(() => shown.http.stop())
    const opened = await openPage(browser, shown.url + hash, look)
    onTestFinished(() => opened.page.context().close())
    await opened.page.locator('#link', { hasText: 'Live' }).waitFor()
    return { ...shown, ...opened }
  }
}

/** What axe-core objects to: each rule with the elements that break it. */
export async function accessibilityProblems(page: Page): Promise<readonly string[][]> {
  await page.evaluate(axe.source)
  const found = await page.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run())
  return found.violations.map(({ id, nodes }) => [id, ...nodes.map((node) => node.html)])
}

/** True if the page is not wider than the window. */
export function fitsWidth(page: Page): Promise<boolean> {
  return page.evaluate('document.documentElement.scrollWidth <= innerWidth')
}
