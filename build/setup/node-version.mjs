// Says whether this Node is new enough; the oldest is what package.json's `engines` and the bundle are made for.

export const OLDEST = [20, 11]

/** What is wrong with a version (`20.11.0`), in words, or null. */
export function nodeProblem(version) {
  const [major, minor] = version.split('.').map(Number)
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return null
  return `Node ${OLDEST.join('.')} or newer is needed, this is ${version} (${process.execPath})`
}
