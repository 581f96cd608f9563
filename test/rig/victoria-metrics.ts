// Starts VictoriaMetrics, vmalert or vmauth for a test, and queries it.
import { type Queryable, queryOf, type Server, startServer } from './prometheus.ts'

/** Samples are found at once: by default, the newest 30 s are hidden. */
const AT_ONCE = ['-search.latencyOffset=0s', '-search.disableCache']

/** It receives on `/api/v1/write`, and shares the query API with Prometheus. */
export async function startVictoriaMetrics(...args: readonly string[]): Promise<Queryable> {
  const server = await startServer('victoria-metrics', {}, (directory, address) => [
    `-storageDataPath=${directory}/data`,
    `-httpListenAddr=${address}`,
    '-memory.allowedBytes=64MB',
    ...AT_ONCE,
    ...args,
  ])
  return { ...server, query: queryOf(server) }
}

/** Evaluates rule files by name on a VictoriaMetrics, and writes the results to it. */
export function startVmalert(
  rules: Readonly<Record<string, string>>,
  { url }: Server,
  ...args: readonly string[]
): Promise<Server> {
  return startServer('vmalert', rules, (directory, address) => [
    `-httpListenAddr=${address}`,
    ...Object.keys(rules).map((name) => `-rule=${directory}/${name}`),
    `-datasource.url=${url}`,
    `-remoteWrite.url=${url}`,
    `-remoteRead.url=${url}`,
    ...args,
  ])
}

/** Forwards requests with the right credentials. `config`: the users. */
export function startVmauth(config: object): Promise<Server> {
  return startServer('vmauth', { 'auth.yml': JSON.stringify(config) }, (directory, address) => [
    `-auth.config=${directory}/auth.yml`,
    `-httpListenAddr=${address}`,
  ])
}
