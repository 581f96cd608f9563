// Opens and renames log files without following a symbolic link of another user. Only root needs it: the links in a directory
// of another user could name any file of the system.
import { constants, promises, type Stats } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'

const { lstat, open, readlink } = promises

const IS_ROOT = process.geteuid?.() === 0
/** As the kernel's limit for one path. */
const LINKS_AT_MOST = 40

/**
 * Calls `use` with a path of the file, and with flags for open(2). For root, the path goes through an open directory, which
 * another user cannot exchange in the meantime. Rejects with a sentence if a link of another user is on the path.
 */
export async function withSafePath<T>(
  path: string,
  use: (path: string, flags: number) => Promise<T>,
  isRoot = IS_ROOT,
): Promise<T> {
  if (!isRoot) return await use(path, 0)
  const file = await followOwnLinks(resolve(path))
  const directory = await open(dirname(file), constants.O_DIRECTORY | constants.O_NOFOLLOW)
  try {
    const opened = `/proc/self/fd/${directory.fd}`
    if ((await readlink(opened)) !== dirname(file)) throw notFollowed(dirname(file))
    return await use(join(opened, basename(file)), constants.O_NOFOLLOW)
  } finally {
    await directory.close()
  }
}

/** The path without links. A link is followed if it is root's, and if only root can change the directories above it. */
async function followOwnLinks(path: string): Promise<string> {
  let rest = path.split('/').filter(Boolean)
  let at = '/'
  let onlyRoot = true
  for (let links = 0; rest.length > 0; ) {
    const [name = '', ...below] = rest
    const next = join(at, name)
    const stats = await lstat(next).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' && below.length === 0) return null // the file will be created
      throw error
    })
    if (stats?.isSymbolicLink()) {
      links += 1
      if (links > LINKS_AT_MOST)
        throw Object.assign(new Error(`${path} has too many symbolic links`), { code: 'ELOOP' })
      if (!onlyRoot || stats.uid !== 0) throw notFollowed(next)
      rest = [
        ...resolve(at, await readlink(next))
          .split('/')
          .filter(Boolean),
        ...below,
      ]
      at = '/'
    } else {
      onlyRoot &&= stats !== null && canOnlyRootReplaceIn(stats)
      rest = below
      at = next
    }
  }
  return at
}

/** In a sticky directory such as /tmp others can create entries, but not replace those of root. */
function canOnlyRootReplaceIn({ uid, mode }: Stats): boolean {
  const isSticky = (mode & 0o1000) !== 0
  const isShared = (mode & 0o022) !== 0
  return uid === 0 && (!isShared || isSticky)
}

function notFollowed(link: string): Error {
  return new Error(`${link} is a symbolic link that another user can change; root does not follow it`)
}
