# The machines for which a release has an executable: glibc, systemd, and x86-64, arm64 or ARMv7-A with hard float, little-endian.
COMPATIBLE_HOST = "(aarch64|x86_64)-.*-linux$|arm-.*-linux-gnueabi$"

inherit features_check
REQUIRED_DISTRO_FEATURES = "systemd"

python () {
    if d.getVar("TARGET_ARCH") != "arm":
        return
    # Not TUNE_FEATURES, where the tunes of most processors have the name of the processor instead of that of its architecture.
    overrides = d.getVar("OVERRIDES").split(":")
    if not any(architecture in overrides for architecture in ("armv7a", "armv7ve", "armv8a")):
        raise bb.parse.SkipRecipe("gatewatch requires ARMv7-A or newer (armv7a, armv7ve or armv8a in OVERRIDES)")
    if "callconvention-hard" not in d.getVar("TUNE_FEATURES").split():
        raise bb.parse.SkipRecipe("gatewatch requires hard float (callconvention-hard in TUNE_FEATURES)")
}
