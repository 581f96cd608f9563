// The command line of `npm run package`.
import { parseArgs } from 'node:util'
import { PASSED_ON } from '../executable/options.mjs'
import { TARGETS } from '../executable/targets.mjs'
import { signingKey } from './sums.mjs'

export const HELP = `Builds the executables and packages them: for each target a tarball, a Debian package, an SBOM, a VEX statement and the
licences of third parties; the Yocto layer; release notes; SHA256SUMS and its signature.

npm run package -- [OPTION]...
  --release                     refuses what must not be released: a Node.js past its end of life, and no signature
  --sign KEY.pem                signs SHA256SUMS, here and in each tarball, with this Ed25519 key
  --allow-unsigned              accepts a release without a signature
  --target, --node, --node-sha256, --allow-end-of-life
                                as in 'npm run build -- --help'; a release for some targets only has no Yocto layer
  --from DIR                    packages the executables in DIR without building them
  --out DIR                     instead of dist
  --level 0-9                   of xz; at 6, the default, a gateway needs 9 MB of memory to unpack; 9 would save 1 % and need 65 MB
`

/**
 * `{ help, targets, isWhole, release, allowEndOfLife, key, from, out, level, passedOn }`: `isWhole`, all targets; `key` may
 * be null; `passedOn`: arguments of the build, or null if nothing is to be built.
 */
export function packageOptions(argv) {
  const { values } = parseArgs({
    args: argv,
    options: {
      ...PASSED_ON,
      from: { type: 'string' },
      out: { type: 'string', default: 'dist' },
      level: { type: 'string', default: '6' },
      sign: { type: 'string' },
      'allow-unsigned': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const key = values.sign === undefined ? null : signingKey(values.sign)
  if (values.release && key === null && !values['allow-unsigned'])
    throw new Error('--release: a release is signed; pass --sign KEY.pem, or --allow-unsigned')
  const targets = values.target ?? Object.keys(TARGETS)
  return {
    help: values.help,
    targets,
    isWhole: Object.keys(TARGETS).every((arch) => targets.includes(arch)),
    release: values.release,
    allowEndOfLife: values['allow-end-of-life'],
    key,
    from: values.from ?? 'dist',
    out: values.out,
    level: values.level,
    passedOn: values.from === undefined ? passedOn(values) : null,
  }
}

function passedOn(values) {
  return Object.keys(PASSED_ON).flatMap((name) => {
    const value = values[name] ?? []
    if (Array.isArray(value)) return value.flatMap((one) => [`--${name}`, one])
    return value ? [`--${name}`] : []
  })
}
