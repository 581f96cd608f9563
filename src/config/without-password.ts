// Masks the password of a URL in whatever is printed: values, problems, and error messages about the command line. Pure.

/**
 * The URL with `***` for its password, as the URL parser understands it: `mqtt://u:a:b@h` -> `mqtt://u:***@h`. If the
 * parser rejects the text, or if a slash in the password ends what the parser takes for the host, everything before the
 * last `@` is masked, and without an `@` everything after the colon. Other text is returned unchanged.
 */
export function withoutPassword(text: string): string {
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text.trim())?.[0] ?? ''
  const url = URL.canParse(text) ? new URL(text) : null
  if (scheme !== '' && url !== null && !`${url.pathname}${url.search}${url.hash}`.includes('@')) {
    if (url.password === '') return text
    url.password = '***'
    return url.href
  }
  const at = text.lastIndexOf('@')
  if (at >= 0 && text.slice(0, at).includes(':')) return `${scheme}***${text.slice(at)}`
  if (scheme === '' || url !== null || text.includes('[')) return text
  return text.trim().replace(/^([^:]*:\/\/[^:]*:).*$/s, '$1***')
}

export function hasPassword(text: string): boolean {
  return text.includes('@') && withoutPassword(text) !== text
}

/** A message that may contain URLs, with their passwords masked. */
export function withoutPasswords(message: string): string {
  return message.replace(/([a-z][a-z0-9+.-]*:\/\/)\S*@/gi, '$1***@')
}
