# One release of gatewatch. Checksums and Node versions are filled in by `npm run package` of the gatewatch sources, which
# puts the layer into dist/; zeros mean that this copy is not of a release.
require gatewatch.inc

SRC_URI[arm64.sha256sum] = "0000000000000000000000000000000000000000000000000000000000000000"
SRC_URI[armv7.sha256sum] = "0000000000000000000000000000000000000000000000000000000000000000"

GATEWATCH_NODE_VERSION = "unknown"
GATEWATCH_NODE_VERSION:aarch64 = "24.21.0"
GATEWATCH_NODE_VERSION:arm = "20.11.0"
