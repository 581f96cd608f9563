// Converts a thrown value, which in JavaScript need not be an Error, to text.

/** The message, for a log line or a response. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}

/** The message with its stack, for errors that mean a bug in gatewatch. */
export function stackOf(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
}

/** errno(3), for people. */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EISDIR: 'it is a directory, not a regular file',
  ELOOP: 'its symbolic links form a loop',
  ENAMETOOLONG: 'the name is too long',
  ENOENT: 'no such file',
  ENOSPC: 'no space left on the file system',
  ENOTDIR: 'a part of its path is not a directory',
  EPERM: 'permission denied',
  ENXIO: 'it is not a regular file',
  EROFS: 'the file system is read-only',
}

/** Why a file could not be read or written, worded to follow "cannot read FILE: ". */
export function fileReason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return REASONS[code] ?? messageOf(error)
}
