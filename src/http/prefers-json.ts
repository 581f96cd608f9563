// Content negotiation where a route has a text and a JSON format (RFC 9110, 12.5.1).

/** JSON only if the client names it and does not prefer plain text; else text. */
export function prefersJson(accept = ''): boolean {
  const ranges = accept.split(',').map(range)
  const best = (type: string) => Math.max(0, ...ranges.filter((r) => r.type === type).map((r) => r.q))
  const json = best('application/json')
  return json > 0 && json >= best('text/plain')
}

function range(text: string): { readonly type: string; readonly q: number } {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase())
  const q = Number(parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? 1)
  return { type, q: q >= 0 && q <= 1 ? q : 0 }
}
