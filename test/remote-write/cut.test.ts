// The push into a real Prometheus with its remote write receiver, and into a real VictoriaMetrics: a cut of 90 minutes and
// killed agents, with another gateway that pushes throughout. The clock of the gateways is simulated; it ends at the present time.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/host/clock.ts'
import type { Post } from '../../src/remote-write/options.ts'
import { createPost } from '../../src/remote-write/post.ts'
import { runningUnit } from '../metrics/scrape-inputs.ts'
import type { TestClock } from '../rig/clock.ts'
import { type Queryable, startPrometheusWith } from '../rig/prometheus.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { startVictoriaMetrics } from '../rig/victoria-metrics.ts'
import { type Gateway, pushClock, remoteWriteConfig, startGateway } from './gateway.ts'

const MINUTE = 60_000
const CUT_MINUTES = 90
const BEFORE_MINUTES = 20
const AFTER_MINUTES = 10
const TOTAL_MINUTES = BEFORE_MINUTES + CUT_MINUTES + AFTER_MINUTES
/** Until a killed agent runs again. */
const START_MS = 3_000

function crashed(times: number) {
  const counters = { starts: times + 1, stops: 0, crashes: times, restarts: times, lost: 0 }
  return [runningUnit('sink.service', { counters, failures: { signal: { unrequested: times, requested: 0 } } })]
}

interface Story {
  readonly receiver: Queryable
  readonly cut: Gateway
}

/** Gateway `cut` crashes once per minute, loses its link for 90 minutes, and its agent is killed before and after. */
async function story(start: () => Promise<Queryable>): Promise<Story> {
  const receiver = await start()
  const url = `${receiver.url}/api/v1/write`
  const toReceiver = createPost(() => remoteWriteConfig({ url }), '0.1.0', systemClock)
  let isUp = true
  const throughLink: Post = async (body, signal) => {
    if (!isUp) throw new Error('host unreachable')
    return toReceiver(body, signal)
  }
  const totalMs = TOTAL_MINUTES * MINUTE
  const clock: TestClock = pushClock({ startMs: 0, wallOffsetMs: Date.now() - totalMs - 2 * START_MS - 1000 })
  const cut = startGateway(throughLink, clock, {}, 'cut')
  const other = startGateway(toReceiver, clock, {}, 'other')
  cut.units = crashed(0)
  other.units = crashed(0)
  let crashes = 0
  const minutes = async (count: number) => {
    for (let i = 0; i < count; i++) {
      cut.units = crashed(++crashes)
      await clock.go(MINUTE)
    }
  }
  const kill = async () => {
    await clock.go(START_MS)
    cut.kill()
  }
  await minutes(BEFORE_MINUTES / 2)
  await kill()
  await minutes(BEFORE_MINUTES / 2)
  isUp = false
  await minutes(CUT_MINUTES)
  isUp = true
  await minutes(AFTER_MINUTES / 2)
  await kill()
  await minutes(AFTER_MINUTES / 2)
  return { receiver, cut }
}

const prometheusWith = (storage: object) => () =>
  startPrometheusWith({ 'prometheus.yml': JSON.stringify({ storage }) }, '--web.enable-remote-write-receiver')

describeUnless(missingPrograms('prometheus', 'victoria-metrics'), 'a cut of 90 minutes', () => {
  describe.each([
    [
      'Prometheus with out_of_order_time_window, as the shipped receivers have it',
      prometheusWith({ tsdb: { out_of_order_time_window: '3h' } }),
      0,
    ],
    ['Prometheus without it', prometheusWith({}), 20],
    ['VictoriaMetrics', startVictoriaMetrics, 0],
  ])('%s', (_title, start, droppedAtLeast) => {
    let it: Story
    beforeAll(async () => {
      it = await story(() => start())
      // VictoriaMetrics shows new samples within a second.
      await until(() => value('sum(count_over_time(up{gateway="other"}[3h]))'), {
        what: 'the samples',
        is: (samples) => samples >= TOTAL_MINUTES,
      })
      await until(() => value('systemd_service_crashes_total{gateway="cut"}'), {
        what: 'the last crash',
        is: (crashes) => crashes === TOTAL_MINUTES,
      })
    }, 180_000)
    afterAll(() => it.receiver[Symbol.asyncDispose]())
    const value = async (promql: string) => {
      const result = await it.receiver.query(promql)
      return Number(result[0]?.value[1] ?? Number.NaN)
    }

    test('no crash is lost: the counter and its increase over the cut and both kills are right', async () => {
      const crashes = 'systemd_service_crashes_total{gateway="cut", service="sink.service"}'
      expect(await value(crashes)).toBe(TOTAL_MINUTES)
      expect(await value(`increase(${crashes}[2h5m])`)).toBeGreaterThan(TOTAL_MINUTES - 3)
      expect(await value(`increase(${crashes}[2h5m])`)).toBeLessThan(TOTAL_MINUTES + 4)
      expect(await value(`resets(${crashes}[3h])`)).toBe(0)
    })

    test('the samples of the cut arrive as far as the receiver accepts them; the others are counted', async () => {
      const samples = await value('count_over_time(up{gateway="cut"}[3h])')
      const { dropped, pending, problem } = it.cut.agent.health()
      expect([pending, problem]).toEqual([0, null])
      if (droppedAtLeast === 0) expect(samples).toBeGreaterThanOrEqual(TOTAL_MINUTES - 3)
      else {
        expect(samples).toBeLessThan(TOTAL_MINUTES - droppedAtLeast)
        expect(samples).toBeGreaterThan(TOTAL_MINUTES - CUT_MINUTES + 20)
      }
      // The agent that was killed after the cut took its counters of dropped samples with it.
      expect(Object.values(dropped)).toEqual([0, 0, 0, 0, 0])
      const log = it.cut.log.filter((line) => line.includes('dropping'))
      expect(log).toHaveLength(droppedAtLeast === 0 ? 0 : 1)
    })

    test('the other gateway is not affected', async () => {
      expect(await value('count_over_time(up{gateway="other"}[3h])')).toBeGreaterThanOrEqual(TOTAL_MINUTES)
    })
  })
})
