// The units that are watched by default.

/** The services of a Wirepas gateway. */
export const DEFAULT_UNITS: readonly string[] = [
  'wirepas-gateway.service',
  'wirepas-sink-ttys1.service',
  'wirepas-sink-ttys2.service',
  'edger.connecteddev.service',
  'edger.endries.service',
  'devmgmt.service',
  'hwcheck.service',
  'provisioning.service',
  'Node-Configuration.service',
  'setup_cell_connect.service',
  'mosquitto.service',
  'wps_button_monitor.service',
]
