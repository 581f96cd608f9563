// The systemd that the demo watches, as an interface: this machine's own or a private one.
export interface DemoEnvironment extends AsyncDisposable {
  /** As it reads after "on": `this machine's systemd`. */
  readonly description: string
  /** Address of the D-Bus bus; null: the default address. */
  readonly busAddress: string | null
  /** Units to watch; null: the default ones. */
  readonly units: readonly string[] | null
  /** Runs until `signal` aborts, and announces each action before it is carried out. */
  runScenario(announce: (action: string) => void, signal: AbortSignal): Promise<void>
}
