// The rows of the table of configuration keys for Prometheus remote write: the receiver, and what is pushed.
import { key } from './key-row.ts'
import { externalLabels, httpUrl, line, path, selector } from './text-types.ts'
import { integer, listOf, orNone } from './value-types.ts'

/** What dashboards and alerts of a fleet use. */
const DEFAULT_MATCH = [
  'up',
  'systemd_service_state',
  'systemd_service_starts_total',
  'systemd_service_stops_total',
  'systemd_service_crashes_total',
  'systemd_service_restarts_total',
  'gatewatch_unit_failures_total',
  'gatewatch_unit_lost_total',
  'gatewatch_unit_flapping',
  'gatewatch_unit_gave_up',
  'gatewatch_unit_loaded',
  'gatewatch_health',
  'gatewatch_build_info',
  'gatewatch_flash_degraded',
  'gatewatch_state_volatile',
]

export const REMOTE_WRITE_KEYS = {
  'remote_write.url': key(orNone(httpUrl), null, {
    applies: 'now',
    help: 'Push metrics to this URL over Prometheus remote write 1.0, for example https://HOST/api/v1/write.',
    defaultText: 'none (nothing is pushed)',
    secret: true,
    otherNames: ['remote_write.endpoint', 'remote_write.address', 'remote_write.host'],
  }),
  'remote_write.interval': key(integer(1, 3600), 60, {
    applies: 'now',
    help: 'Interval between two pushes.',
    unit: 'seconds',
    otherNames: ['remote_write.push_interval', 'remote_write.scrape_interval'],
  }),
  'remote_write.username': key(orNone(line), null, {
    applies: 'now',
    help: 'User name for basic authentication.',
    defaultText: 'none',
    otherNames: ['remote_write.user', 'remote_write.basic_auth'],
  }),
  'remote_write.password_file': key(orNone(path), null, {
    applies: 'now',
    help: 'File with the password, for example a systemd credential (LoadCredential=).',
    defaultText: 'none',
    otherNames: ['remote_write.password'],
  }),
  'remote_write.token_file': key(orNone(path), null, {
    applies: 'now',
    help: 'File with a bearer token, instead of user name and password.',
    defaultText: 'none',
    otherNames: ['remote_write.token', 'remote_write.bearer_token', 'remote_write.bearer_token_file'],
  }),
  'remote_write.ca_file': key(orNone(path), null, {
    applies: 'now',
    help: 'CA certificates (PEM) to verify the certificate of the receiver.',
    defaultText: 'the CA certificates of the system',
  }),
  'remote_write.cert_file': key(orNone(path), null, {
    applies: 'now',
    help: 'Client certificate (PEM).',
    defaultText: 'none',
  }),
  'remote_write.key_file': key(orNone(path), null, {
    applies: 'now',
    help: 'Private key of the client certificate (PEM).',
    defaultText: 'none',
  }),
  'remote_write.labels': key(
    externalLabels,
    {},
    {
      applies: 'now',
      help: 'Labels added to every series, or other values for job (gatewatch), instance and gateway (both the id of the gateway).',
      otherNames: ['remote_write.external_labels'],
    },
  ),
  'remote_write.match': key(listOf('selectors', selector, 1), DEFAULT_MATCH, {
    applies: 'now',
    help: 'Selectors, as for /federate: a series is pushed if it matches one of them. up is always pushed.',
    defaultText: 'the series that dashboards and alerts of a fleet use',
    otherNames: ['remote_write.selectors', 'remote_write.metrics'],
  }),
  'remote_write.backlog': key(integer(60, 86_400), 7200, {
    applies: 'now',
    help: 'While the receiver cannot be reached, samples are kept in memory (at most 1 MiB) up to this age.',
    unit: 'seconds',
  }),
} as const
