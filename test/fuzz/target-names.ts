// The names of the fuzz targets: each has a file in targets/ and a folder of inputs in corpus/.
export const TARGETS = [
  'dbus-header',
  'dbus-body',
  'ring-recovery',
  'selector',
  'web-config',
  'configuration',
  'mqtt-command',
  'import',
  'http-request',
] as const

export type TargetName = (typeof TARGETS)[number]
