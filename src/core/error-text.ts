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

/** Codes of Node.js and OpenSSL for a connection that failed; `*`: the section of the configuration. */
const CONNECTION_REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused (nothing is listening there)',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  ENOENT: 'no such socket',
  EACCES: 'permission denied on the socket',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'name server does not respond',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ETIMEDOUT: 'connection timed out',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed; set *.ca_file',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by an unknown authority; set *.ca_file',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is signed by an unknown authority; set *.ca_file',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is signed by an unknown authority; set *.ca_file',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet (is the clock of this device correct?)',
}

/** Why a connection failed, for people; undefined if the error has no known code. `section`: `mqtt`. */
export function connectionReason(error: unknown, section: string): string | undefined {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return CONNECTION_REASONS[code]?.replace('*', section)
}
