// Starts Debian's Chromium for a test: headless, with an empty profile, and without background traffic.
import { type Browser, chromium, type Page } from 'playwright-core'

const PROGRAM = '/usr/bin/chromium'

const NO_BACKGROUND_TRAFFIC = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** A small one. */
export const PHONE = { width: 320, height: 640 }
export const DESKTOP = { width: 1280, height: 900 }
/** A television with 4K on a wall. */
export const WALL = { width: 3840, height: 2160 }

/** Playwright creates and removes the profile directory. Chromium has no sandbox when it runs as root. */
export function startChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: PROGRAM,
    chromiumSandbox: process.getuid?.() !== 0,
    args: NO_BACKGROUND_TRAFFIC,
    timeout: 60_000,
  })
}

export interface PageOptions {
  readonly viewport?: { readonly width: number; readonly height: number }
  readonly dark?: boolean
  readonly credentials?: { readonly username: string; readonly password: string }
}

export interface OpenedPage {
  readonly page: Page
  /** What the browser reported: errors and warnings on its console, exceptions, refused loads. */
  readonly problems: string[]
  /** Cumulative layout shift so far, as defined by Web Vitals, without session windows. */
  shifted(): Promise<number>
}

/** Opens a page in its own browser context, which is closed with the browser. */
export async function openPage(browser: Browser, url: string, options: PageOptions = {}): Promise<OpenedPage> {
  const context = await browser.newContext({
    viewport: options.viewport ?? DESKTOP,
    colorScheme: options.dark ? 'dark' : 'light',
    ...(options.credentials === undefined ? {} : { httpCredentials: options.credentials }),
  })
  const page = await context.newPage()
  const problems: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text())
  })
  page.on('pageerror', (error) => problems.push(String(error)))
  await page.addInitScript(WATCH_SHIFTS)
  await page.goto(url)
  return { page, problems, shifted: () => page.evaluate('window.shifted') }
}

const WATCH_SHIFTS = `
  window.shifted = 0
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value
  }).observe({ type: 'layout-shift', buffered: true })
`
