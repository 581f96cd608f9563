// The dashboard of the built agent in a real browser: a real crash under a real systemd, its explanation, a killed agent, and a slow start.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { clientOf } from '../../src/cli/agent-client.ts'
import { openPage, startChromium } from '../rig/chromium.ts'
import { type Gatewatch, removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { describeUnless, missingPrograms, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

describeUnless(noSystemd() ?? missingPrograms('chromium'), 'the dashboard of the built agent', () => {
  let systemd: Systemd
  let browser: Browser
  let agent: Gatewatch
  const directory = temporaryDirectory()

  beforeAll(async () => {
    systemd = await startSystemd()
    systemd.writeUnit('runs.service', '[Service]\nExecStart=/bin/sleep infinity\nRestart=on-failure\nRestartSec=1\n')
    const untilStarted = `/bin/sh -c 'until [ -e /run/started ]; do sleep 0.05; done'`
    systemd.writeUnit('slow.service', `[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=${untilStarted}\n`)
    await systemd.daemonReload()
    await systemd.start('runs.service')
    browser = await startChromium()
  })
  afterAll(async () => {
    await browser.close()
    await agent.end()
    await systemd.stop()
    removeDirectory(directory)
  })

  const tokenFile = join(directory, 'token')
  writeFileSync(tokenFile, 'sesame\n')
  const start = (port = '0') =>
    startGatewatch({
      env: { GATEWATCH_CONTROL_ENABLED: 'true', GATEWATCH_CONTROL_TOKEN_FILE: tokenFile },
      busAddress: systemd.busAddress,
      directory,
      services: ['runs'],
      args: ['--gateway-id', 'gw-7', '--prometheus-port', port],
    })

  test('a real crash appears; a killed agent is shown as lost, and as live after its restart', async () => {
    agent = await start()
    const { page, problems } = await openPage(browser, agent.url)
    await page.locator('#link', { hasText: 'Live' }).waitFor()
    expect(await page.textContent('#gateway')).toBe('gw-7')
    expect(await page.textContent('.unit .state')).toBe('active')

    await systemd.kill('runs.service', 'SIGKILL')
    await page.locator('#events li', { hasText: 'SIGKILL, will restart (crash 1)' }).waitFor()
    await page.locator('#events li', { hasText: 'restart 1, start 2' }).waitFor()
    await page.locator('.unit .cause', { hasText: 'last crash SIGKILL' }).waitFor()
    await page.locator('.unit .timeline[aria-label*="1 crash"]').waitFor()
    expect(problems).toEqual([])

    await page.getByRole('button', { name: 'runs', exact: true }).click()
    const card = page.getByRole('dialog', { name: 'runs' })
    await card.getByRole('button', { name: 'Enter token' }).click()
    await page.getByLabel('Control token').fill('sesame')
    await page.getByRole('button', { name: 'Show', exact: true }).click()
    await card.getByText(/a crash at .* ended by SIGKILL/).waitFor()
    await card.getByText('Main PID').waitFor()
    await card.locator('tbody tr', { hasText: 'SIGKILL' }).waitFor()
    await card.locator('.paths', { hasText: 'runs.service' }).waitFor()
    await card.getByRole('button', { name: 'Stop' }).click()
    await page.locator('#ask').getByRole('button', { name: 'Stop' }).click()
    await card.getByText('Stop runs: done').waitFor()
    await card.locator('.state', { hasText: 'inactive' }).waitFor()
    await card.getByText('was stopped on request').waitFor()
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Start')
    await card.getByRole('button', { name: 'Start' }).click()
    await page.locator('#ask').getByRole('button', { name: 'Start' }).click()
    await card.locator('.state', { hasText: 'active' }).waitFor()
    await card.getByRole('button', { name: 'Close' }).click()
    expect(problems).toEqual([expect.stringContaining('401')])

    await agent.end('SIGKILL')
    await page.locator('#link', { hasText: 'Connection lost' }).waitFor()
    await systemd.stop('runs.service')
    agent = await start(new URL(agent.url).port)
    await page.locator('#link', { hasText: 'Live' }).waitFor()
    await page.locator('.unit .state', { hasText: 'inactive' }).waitFor()
    await page
      .locator('#events li', { hasText: 'detected later' })
      .or(page.locator('#events li', { hasText: 'run ended unobserved' }))
      .first()
      .waitFor()
    await agent.end()
  })

  test('each change of state is shown although no request gets a response; the socket has those of all units', async () => {
    const directory = temporaryDirectory()
    agent = await startGatewatch({ busAddress: systemd.busAddress, directory, services: ['slow'] })
    const { page } = await openPage(browser, agent.url)
    await page.locator('#link', { hasText: 'Live' }).waitFor()
    await page.locator('.unit .state', { hasText: 'inactive' }).waitFor()
    await page.route('**/api/v1/status', () => {})
    const states: string[] = []
    const ended = new AbortController()
    const streamed = clientOf(agent.socket).stream(
      '/api/v1/stream?units=all',
      ({ event, data }) => {
        if (event !== 'state') return
        const { service, active_state } = (JSON.parse(data) as { state: Record<string, string> }).state
        states.push(`${service} ${active_state}`)
      },
      ended.signal,
    )
    await until(
      async () => {
        await systemd.stop('runs.service')
        await systemd.start('runs.service')
        return states.includes('runs.service active')
      },
      { what: 'the stream of all units', is: Boolean },
    )
    const { units } = (await agent.getJson('/api/v1/units?units=all')) as { units: Record<string, unknown>[] }
    expect(units.find(({ service }) => service === 'runs.service')).toMatchObject({
      active_state: 'active',
      watched: false,
    })
    await systemd.systemctl('start', '--no-block', 'slow.service')
    await page.locator('.unit .state', { hasText: 'activating' }).waitFor()
    await systemd.exec('touch', '/run/started')
    await page.locator('.unit .state', { hasText: /^active$/ }).waitFor()
    await until(() => states.includes('slow.service active'), { what: 'the state of the watched unit', is: Boolean })
    ended.abort()
    await streamed
    await agent.end()
    removeDirectory(directory)
  })
})
