// Certificates made for a test.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A CA, a certificate for `names`, and one for a client; returns the directory's file of a name. */
export function certificates(directory: string, names: string): (file: string) => string {
  const file = (name: string) => join(directory, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    file('ca.key'),
    '-out',
    file('ca.crt'),
    '-days',
    '2',
    '-subj',
    '/CN=test CA',
  )
  for (const [name, extension] of Object.entries({
    server: `subjectAltName=${names}`,
    client: 'extendedKeyUsage=clientAuth',
  })) {
    writeFileSync(file(`${name}.ext`), extension)
    openssl('req', ...key, '-keyout', file(`${name}.key`), '-out', file(`${name}.csr`), '-subj', `/CN=${name}`)
    const signing = [
      '-CA',
      file('ca.crt'),
      '-CAkey',
      file('ca.key'),
      '-CAcreateserial',
      '-extfile',
      file(`${name}.ext`),
    ]
    openssl('x509', '-req', '-in', file(`${name}.csr`), ...signing, '-out', file(`${name}.crt`), '-days', '2')
  }
  return file
}
