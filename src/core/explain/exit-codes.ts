// The exit codes by which systemd reports that it could not run a program (systemd.exec(5), "Process exit codes").

interface ExitCode {
  readonly name: string
  /** What failed, to follow "systemd". */
  readonly what: string
}

const CODES: Readonly<Record<number, ExitCode>> = {
  200: code('CHDIR', 'could not change to WorkingDirectory='),
  201: code('NICE', 'could not set Nice='),
  202: code('FDS', 'could not set up file descriptors'),
  203: code('EXEC', 'could not execute the program'),
  204: code('MEMORY', 'had not enough memory'),
  205: code('LIMITS', 'could not set a resource limit (Limit...=)'),
  206: code('OOM_ADJUST', 'could not set OOMScoreAdjust='),
  207: code('SIGNAL_MASK', 'could not set the signal mask'),
  208: code('STDIN', 'could not set up StandardInput='),
  209: code('STDOUT', 'could not set up StandardOutput='),
  210: code('CHROOT', 'could not change to RootDirectory= or RootImage='),
  211: code('IOPRIO', 'could not set IOSchedulingClass= or IOSchedulingPriority='),
  212: code('TIMERSLACK', 'could not set TimerSlackNSec='),
  213: code('SECUREBITS', 'could not set SecureBits='),
  214: code('SETSCHEDULER', 'could not set CPUSchedulingPolicy='),
  215: code('CPUAFFINITY', 'could not set CPUAffinity='),
  216: code('GROUP', 'could not use Group= or SupplementaryGroups='),
  217: code('USER', 'could not use User='),
  218: code('CAPABILITIES', 'could not set the capabilities (CapabilityBoundingSet=, AmbientCapabilities=)'),
  219: code('CGROUP', 'could not set up the control group'),
  220: code('SETSID', 'could not create a session'),
  221: code('CONFIRM', 'was refused by the user at the console (systemd.confirm_spawn)'),
  222: code('STDERR', 'could not set up StandardError='),
  224: code('PAM', 'could not open the session of PAMName='),
  225: code('NETWORK', 'could not set up the network namespace (PrivateNetwork=)'),
  226: code('NAMESPACE', 'could not set up the mount namespace (ReadWritePaths=, ProtectSystem= and others)'),
  227: code('NO_NEW_PRIVILEGES', 'could not set NoNewPrivileges='),
  228: code('SECCOMP', 'could not set SystemCallFilter='),
  229: code('SELINUX_CONTEXT', 'could not set SELinuxContext='),
  230: code('PERSONALITY', 'could not set Personality='),
  231: code('APPARMOR', 'could not set AppArmorProfile='),
  232: code('ADDRESS_FAMILIES', 'could not set RestrictAddressFamilies='),
  233: code('RUNTIME_DIRECTORY', 'could not set up RuntimeDirectory='),
  235: code('CHOWN', 'could not change the owner of the socket'),
  236: code('SMACK_PROCESS_LABEL', 'could not set SmackProcessLabel='),
  237: code('KEYRING', 'could not set up the kernel keyring'),
  238: code('STATE_DIRECTORY', 'could not set up StateDirectory='),
  239: code('CACHE_DIRECTORY', 'could not set up CacheDirectory='),
  240: code('LOGS_DIRECTORY', 'could not set up LogsDirectory='),
  241: code('CONFIGURATION_DIRECTORY', 'could not set up ConfigurationDirectory='),
  242: code('NUMA_POLICY', 'could not set NUMAPolicy='),
  243: code('CREDENTIALS', 'could not set up the credentials (LoadCredential=, SetCredential=)'),
  245: code('BPF', 'could not set RestrictFileSystems='),
}

function code(name: string, what: string): ExitCode {
  return { name, what }
}

/** Null for a code of the program itself. A program can also exit with one of these codes. */
export function systemdExitCode(exitCode: number): ExitCode | null {
  return CODES[exitCode] ?? null
}

/** `203/EXEC`, `3`. */
export function exitCodeText(exitCode: number): string {
  const known = systemdExitCode(exitCode)
  return known === null ? String(exitCode) : `${exitCode}/${known.name}`
}
