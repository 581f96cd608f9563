// `npm run looks -- DIRECTORY`: screenshots of the dashboard in each scene, and of a card, for phone, desktop and wall.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DESKTOP, openPage, PHONE, startChromium, WALL } from '../rig/chromium.ts'
import { routeCardData } from './card-data.ts'
import { SCENES, type Scene } from './scenes.ts'
import { serveScene } from './serve-scene.ts'

const README = { width: 1400, height: 1000 }
const CARD_OF = { scene: 'one-crashed', unit: 'devmgmt' }

const directory = process.argv[2] ?? 'looks'
mkdirSync(directory, { recursive: true })
const browser = await startChromium()

/** Of the whole page, or, with a card, of the window. */
async function takePictures(name: string, scene: Scene, sizes: Readonly<Record<string, typeof PHONE>>, card?: string) {
  await using shown = await serveScene(scene)
  // The token is never entered, so any file will do.
  shown.it.rules = { enabled: true, token_file: import.meta.filename }
  for (const [size, viewport] of Object.entries(sizes)) {
    for (const dark of [false, true]) {
      const { page } = await openPage(browser, shown.url, { viewport, dark })
      await page.locator('#link[data-tone=ok]').waitFor()
      if (card !== undefined) {
        await routeCardData(page)
        await page.getByRole('button', { name: card, exact: true }).click()
        await page.locator('#card .sentences p').first().waitFor()
        await page.locator('#card tbody tr').first().waitFor()
      }
      const path = join(directory, `${name}-${size}-${dark ? 'dark' : 'light'}.png`)
      await page.screenshot({ path, fullPage: card === undefined })
      await page.context().close()
    }
  }
}

try {
  const { scene = '', unit } = CARD_OF
  await takePictures(
    'card',
    SCENES[scene] as Scene,
    { phone: { ...PHONE, height: 2200 }, desktop: DESKTOP, wall: WALL, readme: README },
    unit,
  )
  for (const [name, one] of Object.entries(SCENES)) {
    await takePictures(name, one, { phone: PHONE, desktop: DESKTOP, wall: WALL })
  }
} finally {
  await browser.close()
}
