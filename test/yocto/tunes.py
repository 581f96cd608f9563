# Prints the hard-float tunes of OE-core as the table that tunes.test.ts compares with the layer's rule (tunes.tsv without its
# first column): name, TARGET_ARCH, the architectures in OVERRIDES, TUNE_FEATURES.
#   python3 test/yocto/tunes.py OE_CORE BITBAKE
import glob
import os
import sys

core, bitbake = (os.path.abspath(path) for path in sys.argv[1:])
sys.path.insert(0, os.path.join(bitbake, "lib"))
import bb.data_smart
import bb.parse


def parsed(include, tune):
    """The values after a file of conf/machine/include, with a DEFAULTTUNE."""
    d = bb.data_smart.DataSmart()
    d.setVar("BBPATH", os.path.join(core, "meta"))
    d.setVar("TOPDIR", core)
    d.setVar("OVERRIDES", "${MACHINEOVERRIDES}")
    d.setVar("MACHINEOVERRIDES", "machine")
    d.setVar("TUNE_FEATURES", "${TUNE_FEATURES:tune-${DEFAULTTUNE}}")
    if tune is not None:
        d.setVar("DEFAULTTUNE", tune)
    for name in ("TUNE_CCARGS", "TUNE_CCARGS_MARCH", "TUNE_CCARGS_MFPU", "TUNE_CCARGS_MFLOAT", "TUNE_LDARGS", "TUNE_ASARGS"):
        d.setVar(name, "")
    bb.parse.handle(include, d, True)
    return d


rows = set()
for include in glob.glob(os.path.join(core, "meta/conf/machine/include/arm/**/*.inc"), recursive=True):
    if not os.path.basename(include).startswith(("tune-", "arch-")):
        continue
    for tune in (parsed(include, None).getVar("AVAILTUNES") or "").split():
        d = parsed(include, tune)
        features = d.getVar("TUNE_FEATURES") or ""
        if "callconvention-hard" not in features.split():
            continue
        overrides = [name for name in d.getVar("OVERRIDES").split(":") if name.startswith("armv")]
        rows.add((tune, d.getVar("TUNE_ARCH"), ":".join(overrides), " ".join(features.split())))
for row in sorted(rows):
    print("\t".join(row))
