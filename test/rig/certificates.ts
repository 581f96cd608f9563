// Certificates for TLS tests: an authority and the certificates it signs, made with openssl(1) as operators do.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Certificates {
  /** Path of the authority's certificate. */
  readonly ca: string
  /** Creates `<name>.crt` and `<name>.key` in the directory. */
  issue(name: string, alternativeNames: string): { readonly cert: string; readonly key: string }
}

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

export function certificates(directory: string): Certificates {
  const path = (file: string) => join(directory, file)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const ca = path('ca.crt')
  openssl('req', '-x509', ...EC, '-keyout', path('ca.key'), '-out', ca, '-subj', '/CN=test authority', '-days', '2')
  return {
    ca,
    issue(name, alternativeNames) {
      const [cert, key, request] = [path(`${name}.crt`), path(`${name}.key`), path(`${name}.csr`)]
      openssl('req', ...EC, '-keyout', key, '-out', request, '-subj', `/CN=${name}`)
      writeFileSync(path(`${name}.ext`), `subjectAltName=${alternativeNames}\n`)
      const signedBy = ['-CA', ca, '-CAkey', path('ca.key'), '-CAcreateserial', '-days', '1']
      openssl('x509', '-req', '-in', request, ...signedBy, '-extfile', path(`${name}.ext`), '-out', cert)
      return { cert, key }
    },
  }
}
