// Unpacks a pack of compressed-packs.mjs in the running bundle; called once for each pack, when it is first used.
const { compileFunction } = require('node:vm')
const { brotliDecompressSync } = require('node:zlib')

module.exports = (name, lines) => {
  const module = { exports: {} }
  const source = brotliDecompressSync(Buffer.from(lines.join(''), 'base64')).toString('latin1')
  compileFunction(source, ['module', 'exports', 'require'], { filename: `gatewatch:${name}` })(
    module,
    module.exports,
    require,
  )
  return module.exports
}
