// Checks the version of Node; the oldest supported one is also in package.json's `engines`, and the target of the bundle.

export const OLDEST = [20, 11]

/** A message if the version (`20.11.0`) is too old, else null. */
export function nodeProblem(version) {
  const [major, minor] = version.split('.').map(Number)
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return null
  return `Node ${OLDEST.join('.')} or newer is required, but this is ${version} (${process.execPath})`
}
