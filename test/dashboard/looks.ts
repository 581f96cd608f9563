// `npm run looks -- DIRECTORY`: screenshots of the dashboard in each scene, for phone and desktop, light and dark.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DESKTOP, openPage, PHONE, startChromium } from '../rig/chromium.ts'
import { SCENES } from './scenes.ts'
import { serveScene } from './serve-scene.ts'

const directory = process.argv[2] ?? 'looks'
mkdirSync(directory, { recursive: true })
const browser = await startChromium()
try {
  for (const [name, scene] of Object.entries(SCENES)) {
    await using shown = await serveScene(scene)
    for (const [size, viewport] of Object.entries({ phone: PHONE, desktop: DESKTOP })) {
      for (const dark of [false, true]) {
        const { page } = await openPage(browser, shown.url, { viewport, dark })
        await page.locator('#link[data-tone=ok]').waitFor()
        await page.screenshot({
          path: join(directory, `${name}-${size}-${dark ? 'dark' : 'light'}.png`),
          fullPage: true,
        })
        await page.context().close()
      }
    }
  }
} finally {
  await browser.close()
}
