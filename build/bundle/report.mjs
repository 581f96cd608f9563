// Reports how many bytes each package and each source folder adds to a bundle.

/** Lines of `bytes  name`, largest first, and the total; `metafile` is esbuild's. */
export function sizeReport(metafile) {
  return Object.entries(metafile.outputs)
    .map(([path, output]) => {
      const sizes = {}
      for (const [file, { bytesInOutput }] of Object.entries(output.inputs)) {
        const owner = ownerOf(file)
        sizes[owner] = (sizes[owner] ?? 0) + bytesInOutput
      }
      const lines = Object.entries(sizes).sort(([, a], [, b]) => b - a)
      return [...lines, [path, output.bytes]].map(([name, bytes]) => `${String(bytes).padStart(9)}  ${name}`).join('\n')
    })
    .join('\n')
}

/** The paths of the bundled packages (`node_modules/mqtt`), sorted; without packages of which no code is used. */
export function packagesIn(metafile) {
  const files = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.keys(inputs))
  const homes = files.map((file) => /(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0])
  return [...new Set(homes.filter((home) => home !== undefined))].sort()
}

/** `node_modules/@a/b/lib/c.js` -> `@a/b`; `src/http/route.ts` -> `src/http`. */
function ownerOf(file) {
  const inPackage = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)
  if (inPackage) return inPackage[1]
  return file.split('/').slice(0, 2).join('/')
}
