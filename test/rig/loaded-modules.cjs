// Preloaded into an agent with `--require`: at its end, lists the modules of Node.js that it has loaded, one a line.
const { writeFileSync } = require('node:fs')

process.on('exit', () => writeFileSync(process.env.LOADED_MODULES, process.moduleLoadList.join('\n')))
