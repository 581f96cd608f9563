// Serves the dashboard: one self-contained page, with a content security policy that allows nothing else.
import { brotliDecompressSync } from 'node:zlib'
import { prefers } from '../../core/views/accept.ts'
import type { HttpResponse } from '../route.ts'

/**
 * JSON, from build/bundle/dashboard.mjs: the compressed page, and the digests of its one script and its one style. As a
 * text inside of a function, it takes no memory besides that of the bundle's text.
 */
declare const __DASHBOARD__: string

/** The page, for clients that prefer HTML to text; null for others, and if the sources run unbundled. */
export function dashboard(accept = ''): HttpResponse | null {
  if (!prefers(accept, { name: 'text/html' }, { name: 'text/plain' }) || typeof __DASHBOARD__ === 'undefined')
    return null
  const { page, script, style } = JSON.parse(__DASHBOARD__)
  const policy = [
    "default-src 'none'",
    `script-src '${script}'`,
    `style-src '${style}'`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    // The browser then refuses to parse any string as markup or script.
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ]
  return {
    status: 200,
    type: 'text/html; charset=utf-8',
    body: brotliDecompressSync(Buffer.from(page, 'base64')).toString(),
    headers: {
      'content-security-policy': policy.join('; '),
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
    },
  }
}
