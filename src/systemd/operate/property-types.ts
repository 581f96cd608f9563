// The properties of a unit as both back ends of unit control read them, and their types.
export type Properties = Readonly<Record<string, unknown>>

export type PropertyType =
  | ('text' | 'number' | 'boolean' | 'words' | 'commands' | 'files' | 'timestamp' | 'timespan')
  | ('conditions' | 'loadError' | 'job')
