// The word table: frequent strings of systemd, stored as one byte each. FROZEN: append only, numbers never change.

/** Word number n on flash is entry n-1, up to 254 (0: a literal follows, 255: null). An unknown number reads as `unknown`. */
export const WORDS: readonly string[] = [
  'unknown',
  // ActiveState
  ...['active', 'reloading', 'inactive', 'failed', 'activating', 'deactivating', 'maintenance', 'refreshing'],
  // SubState of services
  ...['dead', 'condition', 'start-pre', 'start', 'start-post', 'running', 'exited', 'reload', 'reload-signal'],
  ...['reload-notify', 'stop', 'stop-watchdog', 'stop-sigterm', 'stop-sigkill', 'stop-post', 'final-watchdog'],
  ...['final-sigterm', 'final-sigkill', 'dead-before-auto-restart', 'failed-before-auto-restart'],
  ...['dead-resources-pinned', 'auto-restart', 'auto-restart-queued', 'cleaning', 'mounting', 'refresh-extensions'],
  // SubState of the other types
  ...['start-chown', 'start-open', 'listening', 'deferred', 'stop-pre', 'stop-pre-sigterm', 'stop-pre-sigkill'],
  ...['mounting-done', 'mounted', 'remounting', 'unmounting', 'remounting-sigterm', 'remounting-sigkill'],
  ...['unmounting-sigterm', 'unmounting-sigkill', 'activating-done', 'deactivating-sigterm', 'deactivating-sigkill'],
  ...['waiting', 'elapsed', 'plugged', 'tentative', 'abandoned'],
  // Result
  ...['success', 'resources', 'protocol', 'timeout', 'exit-code', 'signal', 'core-dump', 'watchdog'],
  ...['start-limit-hit', 'oom-kill', 'exec-condition', 'service-start-limit-hit', 'trigger-limit-hit'],
  ...['unit-start-limit-hit', 'mount-start-limit-hit'],
  // LoadState
  ...['stub', 'loaded', 'not-found', 'bad-setting', 'error', 'merged', 'masked'],
  // Restart
  ...['no', 'on-success', 'on-failure', 'on-abnormal', 'on-abort', 'on-watchdog', 'always'],
  // signal(7), in the order of their numbers
  ...['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGKILL', 'SIGUSR1'],
  ...['SIGSEGV', 'SIGUSR2', 'SIGPIPE', 'SIGALRM', 'SIGTERM', 'SIGSTKFLT', 'SIGCHLD', 'SIGCONT', 'SIGSTOP', 'SIGTSTP'],
  ...['SIGTTIN', 'SIGTTOU', 'SIGURG', 'SIGXCPU', 'SIGXFSZ', 'SIGVTALRM', 'SIGPROF', 'SIGWINCH', 'SIGIO', 'SIGPWR'],
  'SIGSYS',
]

const NUMBERS: ReadonlyMap<string, number> = new Map(WORDS.map((word, i) => [word, i + 1]))

export function wordNumber(word: string): number | undefined {
  return NUMBERS.get(word)
}
