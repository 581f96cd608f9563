# A release of gatewatch. `npm run package` of the gatewatch sources fills in the checksums and Node versions, and writes the
# layer to dist/; zeros mean that this copy does not belong to a release.
require gatewatch.inc

SRC_URI[arm64.sha256sum] = "0000000000000000000000000000000000000000000000000000000000000000"
SRC_URI[armv7.sha256sum] = "0000000000000000000000000000000000000000000000000000000000000000"

GATEWATCH_NODE_VERSION = "unknown"
GATEWATCH_NODE_VERSION:aarch64 = "24.22.3"
GATEWATCH_NODE_VERSION:arm = "20.11.0"
