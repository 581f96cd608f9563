// Runs pkg's SEA mode once, in a process of its own: node pkg-sea.cjs JSON, where JSON is `{ entry, node, output, seaConfig }`.
// All paths are absolute: pkg would resolve a relative output in its temporary directory, delete it, and report success.
const sea = require('@yao-pkg/pkg/lib-es5/sea.js').default

const { entry, node, output, seaConfig } = JSON.parse(process.argv[2])
// pkg only prints the version and the CPU of a target whose Node is given by its path.
const targets = [{ nodeRange: 'node', platform: 'linux', arch: 'given', output }]
sea(entry, { targets, nodePath: node, seaConfig }).catch((error) => {
  console.error(error.message)
  process.exitCode = 1
})
