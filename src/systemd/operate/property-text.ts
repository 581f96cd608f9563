// Converts unit properties to text, with the same result for D-Bus values and for the output of `systemctl show`. Pure.
import { plain } from '../../dbus/variants.ts'
import { shownLines } from './systemctl-show.ts'
import { timespanUs, timestampUs } from './time-text.ts'

/** "Not set" or "no limit", which systemd encodes as the largest number. */
const INFINITY = 'infinity'
const LARGEST_64 = 2n ** 64n - 1n
const LARGEST_32 = 2 ** 32 - 1

/** Properties left out: structured ones (systemd 247 to 257), and sets of flags, which systemctl formats in its own ways. */
const LEFT_OUT: ReadonlySet<string> = new Set(
  [
    'ActivationDetails AllowedCPUs AllowedMemoryNodes AmbientCapabilities AppArmorProfile Asserts BPFProgram',
    'BindPaths BindReadOnlyPaths BlockIODeviceWeight BlockIOReadBandwidth BlockIOWriteBandwidth CPUAffinity',
    'CacheDirectorySymlink CapabilityBoundingSet Conditions CoredumpFilter DeviceAllow EffectiveCPUs',
    'EffectiveMemoryNodes EnvironmentFiles ExecMount ExecRemount ExecUnmount ExtensionDirectories ExtensionImages',
    'IODeviceLatencyTargetUSec IODeviceWeight IOReadBandwidthMax IOReadIOPSMax IOWriteBandwidthMax IOWriteIOPSMax',
    'IPAddressAllow IPAddressDeny ImportCredentialEx Job Listen LoadCredential LoadCredentialEncrypted LoadError',
    'LogExtraFields LogFilterPatterns LogsDirectorySymlink MountFlags MountImages NFTSet NUMAMask NUMAPolicy',
    'OpenFile Paths Refs RestartForceExitStatus RestartPreventExitStatus RestrictAddressFamilies',
    'RestrictFileSystems RestrictNamespaces RestrictNetworkInterfaces RootHash RootHashSignature RootImageOptions',
    'RuntimeDirectorySymlink SELinuxContext SetCredential SetCredentialEncrypted SmackProcessLabel',
    'SocketBindAllow SocketBindDeny StandardInputData StartupAllowedCPUs StartupAllowedMemoryNodes',
    'StateDirectorySymlink SuccessExitStatus SymlinksRuntime SystemCallFilter SystemCallLog TTYColumns TTYRows',
    'TemporaryFileSystem TimersCalendar TimersMonotonic',
  ].flatMap((names) => names.split(' ')),
)
const isLeftOut = (name: string) => LEFT_OUT.has(name) || (name.startsWith('Exec') && !name.startsWith('ExecMain'))

/** `properties` as decoded, as variants with their types. Structured properties are left out. */
export function plainTexts(properties: Readonly<Record<string, unknown>>): Record<string, string> {
  const texts: Record<string, string> = {}
  for (const [name, variant] of Object.entries(properties)) {
    const { signature } = variant as { signature: string }
    const text = isLeftOut(name) ? null : textOf(name, signature, plain(variant))
    if (text !== null) texts[name] = text
  }
  return texts
}

function textOf(name: string, signature: string, value: unknown): string | null {
  switch (signature) {
    case 's':
    case 'o':
      return String(value)
    case 'b':
      return value === true ? 'yes' : 'no'
    case 'as':
      return (value as string[]).map(quoted).join(' ')
    case 'u':
      if (/Mode$|^UMask$/.test(name)) return Number(value).toString(8).padStart(4, '0')
      return value === LARGEST_32 ? INFINITY : String(value)
    case 't':
      return value === LARGEST_64 ? INFINITY : String(value)
    case 'i':
      return value === -1 && name.endsWith('ActionExitStatus') ? INFINITY : String(value)
    case 'x':
      return String(value)
    case 'ay':
      return Buffer.isBuffer(value) ? value.toString('hex') : null
    default:
      return null
  }
}

/** Quotes a word of a list as systemd does (shell_maybe_quote()). */
function quoted(word: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must be found
  if (word !== '' && !/[\u0000-\u0020\u007f"\\`$*?['()<>|&;!]/.test(word)) return word
  const inside = word.replace(/["\\`$]/g, '\\$&').replace(/[\t\n]/g, (c) => (c === '\t' ? '\\t' : '\\n'))
  return `"${inside}"`
}

/** The same from the output of `systemctl show --timestamp=us+utc`. */
export function shownTexts(text: string): Record<string, string> {
  const texts: Record<string, string> = {}
  for (const [name, values] of shownLines(text)) {
    if (!isLeftOut(name)) texts[name] = comparable(name, values.join('\n'))
  }
  return texts
}

function comparable(name: string, text: string): string {
  if (/^\[(not set|no data)\]$/.test(text) || text === String(LARGEST_64)) return INFINITY
  if (name.endsWith('Timestamp')) return String(timestampUs(text))
  return name.includes('USec') ? String(timespanUs(text) ?? text) : text
}
