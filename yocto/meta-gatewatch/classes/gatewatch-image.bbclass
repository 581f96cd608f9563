# The image feature "gatewatch": IMAGE_CLASSES += "gatewatch-image" in local.conf, then IMAGE_FEATURES += "gatewatch".
FEATURE_PACKAGES_gatewatch = "packagegroup-gatewatch"
