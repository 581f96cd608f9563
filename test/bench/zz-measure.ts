// scratch
import { readFileSync, readdirSync } from 'node:fs'
import { startGatewatch, temporaryDirectory, removeDirectory } from '../rig/gatewatch.ts'
import { startSystemd } from '../rig/systemd.ts'
import { until } from '../rig/until.ts'
const KILLS = Number(process.env.KILLS ?? 100), ROUNDS = Number(process.env.ROUNDS ?? 3), UNITS = Number(process.env.UNITS ?? 12), PACE = process.env.PACE ?? '0.1'
const variants = process.argv.slice(2)
const sleep = (ms: number) => new Promise((r) => setTimeout(r, ms))
const ns = (pid: number) => readdirSync(`/proc/${pid}/task`).reduce((s, t) => s + Number(readFileSync(`/proc/${pid}/task/${t}/schedstat`, 'utf8').split(' ')[0]), 0)
const rss = (pid: number) => Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024
await using rig = await startSystemd()
import { readlinkSync } from 'node:fs'
const hostPid = (() => { const ns0 = readlinkSync(`/proc/${rig.pid}/ns/pid`); for (const p of readdirSync('/proc').filter((p) => /^\d+$/.test(p))) { try { if (readlinkSync(`/proc/${p}/ns/pid`) === ns0 && readFileSync(`/proc/${p}/comm`, 'utf8').trim() === 'dbus-daemon') return Number(p) } catch {} } return 0 })()
const names = Array.from({ length: UNITS }, (_, i) => `u${i + 1}`)
for (const u of [...names, 'x1']) rig.writeUnit(`${u}.service`, '[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=on-failure\nRestartSec=10ms\nExecStart=/bin/sleep infinity\n')
await rig.daemonReload()
await rig.systemctl('start', ...[...names, 'x1'].map((u) => `${u}.service`))
const agents = [] as { v: string; a: any; d: string; startCpu: number }[]
for (const v of variants) { const d = temporaryDirectory(); const a = await startGatewatch({ busAddress: rig.busAddress, services: names, directory: d, binary: v }); agents.push({ v, a, d, startCpu: ns(a.pid) / 1e6 }) }
await sleep(4000)
const procs = () => [...agents.map(({ v, a }) => [v.split('/').slice(-3).join('/'), a.pid] as const), ['dbus', hostPid] as const, ['pid1', rig.pid] as const]
async function kills(unit: string) {
  const next = `while :; do pid=$(systemctl show -P MainPID ${unit}); [ "$pid" != 0 ] && [ "$pid" != "$last" ] && break; sleep 0.02; done`
  for (let left = KILLS; left > 0; left -= 50) { const r = await rig.exec('bash', '-c', `last=; for i in $(seq ${Math.min(50, left)}); do ${next}; kill -9 $pid; last=$pid; sleep ${PACE}; done; ${next}`); if (r.code) throw new Error(r.stderr) }
}
const rows: Record<string, number[]> = {}
for (const { v, startCpu } of agents) console.log('start cpu', v, startCpu.toFixed(1))
for (let r = 0; r < ROUNDS; r++) for (const unit of ['u1.service', 'x1.service']) {
  const before = procs().map(([, p]) => ns(p))
  await kills(unit); await sleep(500)
  procs().forEach(([n, p], i) => { (rows[`${unit} ${n}`] ??= []).push((ns(p) - before[i]!) / 1e6 / KILLS) })
}
for (const [k, v] of Object.entries(rows)) console.log(k.padEnd(50), v.map((x) => x.toFixed(3)).join('  '))
const b = agents.map(({ a }) => ns(a.pid)); await sleep(2000); agents.forEach(({ v, a }, i) => console.log('idle 20 s', v, ((ns(a.pid) - b[i]!) / 1e6).toFixed(1), 'ms, rss', rss(a.pid).toFixed(1)))
for (const { v, a, d } of agents) { const u: any = await a.getJson('/api/v1/units/u1.service'); console.log(v, 'crashes', u.counters.crashes); await a.end(); removeDirectory(d) }
