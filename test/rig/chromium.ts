// A real Chromium for a test, from Debian's package: headless, with an empty profile, and no traffic of its own.
import { type Browser, chromium, type Page } from 'playwright-core'

const PROGRAM = '/usr/bin/chromium'

const QUIET = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export const PHONE = { width: 360, height: 740 }
export const DESKTOP = { width: 1280, height: 900 }

/** Playwright gives it an empty directory of its own and removes that again. As root there is no sandbox to have. */
export function startChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: PROGRAM,
    chromiumSandbox: process.getuid?.() !== 0,
    args: QUIET,
    timeout: 60_000,
  })
}

export interface Look {
  readonly viewport?: { readonly width: number; readonly height: number }
  readonly dark?: boolean
  readonly credentials?: { readonly username: string; readonly password: string }
}

export interface Looked {
  readonly page: Page
  /** What the browser complained of: errors on its console, exceptions, refused loads. */
  readonly complaints: string[]
  /** Cumulative layout shift so far, as web-vitals define it, without sessions. */
  shifted(): Promise<number>
}

/** A page in a context of its own, which is closed with the browser. */
export async function openPage(browser: Browser, url: string, look: Look = {}): Promise<Looked> {
  const context = await browser.newContext({
    viewport: look.viewport ?? DESKTOP,
    colorScheme: look.dark ? 'dark' : 'light',
    ...(look.credentials === undefined ? {} : { httpCredentials: look.credentials }),
  })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  await page.addInitScript(WATCH_SHIFTS)
  await page.goto(url)
  return { page, complaints, shifted: () => page.evaluate('window.shifted') }
}

const WATCH_SHIFTS = `
  window.shifted = 0
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value
  }).observe({ type: 'layout-shift', buffered: true })
`
