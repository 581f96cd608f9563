// Serves a scene with the dashboard, as the bundle contains it.
import { dashboard } from '../../build/bundle/dashboard.mjs'
import { createHttp } from '../../src/http/http.ts'
import { frozenClock } from '../http/fake-gateway.ts'
import { type Scene, stage } from './scenes.ts'

/** `webFile`: a web_config_file, for a gateway with a password. */
export async function serveScene(scene: Scene, webFile?: string) {
  // esbuild replaces this name when it builds the bundle.
  Object.assign(globalThis, { __DASHBOARD__: JSON.stringify(await dashboard()) })
  const it = stage(scene, Date.now())
  const http = createHttp({
    stream: it.stream,
    clock: frozenClock,
    log: () => {},
    hostname: () => 'gw-7',
    allowedHosts: () => [],
  })
  http.serve(it.views)
  const web = webFile === undefined ? undefined : { path: webFile, onTlsToggled: () => {} }
  const { port } = await http.serveTcp('127.0.0.1', 0, web)
  return { it, http, url: `http://127.0.0.1:${port}/`, [Symbol.asyncDispose]: () => http.stop() }
}
