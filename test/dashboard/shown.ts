// Serves a scene with the dashboard in front of it, as the bundle has it.
import { dashboard } from '../../build/bundle/dashboard.mjs'
import { createHttp } from '../../src/http/http.ts'
import { realClock } from '../http/served.ts'
import { type Scene, staged } from './scenes.ts'

/** What esbuild puts in place of the name when it bundles. */
export async function withDashboard(): Promise<void> {
  Object.assign(globalThis, { __DASHBOARD__: await dashboard() })
}

export async function show(scene: Scene) {
  await withDashboard()
  const it = staged(scene, Date.now())
  const http = createHttp({ views: it.views, clock: realClock, log: () => {}, hostname: 'gw-7', allowedHosts: [] })
  const { port } = await http.serveTcp('127.0.0.1', 0)
  return { it, http, url: `http://127.0.0.1:${port}/`, [Symbol.asyncDispose]: () => http.stop() }
}
