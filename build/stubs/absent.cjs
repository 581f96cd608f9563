// Replaces an optional package that is not bundled: requiring it fails as if it were not installed.
throw Object.assign(new Error('not part of gatewatch'), { code: 'MODULE_NOT_FOUND' })
