// Stands for a package that is not part of the bundle: requiring it fails, as where it is not installed.
throw Object.assign(new Error('not part of gatewatch'), { code: 'MODULE_NOT_FOUND' })
