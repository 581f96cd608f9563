// Serves a scene with the dashboard in front of it, as the bundle has it.
import { dashboard } from '../../build/bundle/dashboard.mjs'
import { createHttp } from '../../src/http/http.ts'
import { realClock } from '../http/served.ts'
import { type Scene, staged } from './scenes.ts'

/** `webFile`: a web_config_file, for a gateway that asks for a password. */
export async function show(scene: Scene, webFile?: string) {
  // What esbuild puts in place of the name when it bundles.
  Object.assign(globalThis, { __DASHBOARD__: await dashboard() })
  const it = staged(scene, Date.now())
  const http = createHttp({ views: it.views, clock: realClock, log: () => {}, hostname: 'gw-7', allowedHosts: [] })
  const web = webFile === undefined ? undefined : { path: webFile, stale: () => {} }
  const { port } = await http.serveTcp('127.0.0.1', 0, web)
  return { it, http, url: `http://127.0.0.1:${port}/`, [Symbol.asyncDispose]: () => http.stop() }
}
