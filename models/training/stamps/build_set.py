"""Builds the reference set of the splits test and calibration. It stays on this machine: the stamps are GPL-2.

    python build_set.py --stamps FOLDER --out target/stamps/set
"""

import argparse
import hashlib
import json
import pathlib
import shutil
import sys

from material import one_per_caption, stamps
from pictures import square

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "calibration" / "sets"))
from checksums import write_checksums  # noqa: E402

VERSION = "1.0.0"
SPLITS = ("test", "calibration")
PACKAGE = "tuxpaint-stamps-default"

ATTRIBUTION = """# Attribution

Pictures and captions: Debian package `{package}` {version}, "Tux Paint stamps", copyright 2002-2022 Bill Kendrick and the contributors that
the package's files name, GPL-2. Changed here: each stamp was put on white, in the middle of a square, and scaled to 256 × 256; of each caption the
first sentence was taken.

This set was built on the machine that it lies on. If you pass it on, the GPL-2 is what allows it, with its conditions.
"""

DESCRIPTION = """schema = 1
name = "stamps"
version = "{version}"
task = "retrieval"
licence = "GPL-2.0-only"
source = "Debian {package} {package_version}"
description = "Pictures and their English captions, no caption twice, none that the model stamps was fitted on"
modalities = ["image", "text"]
splits = {{ {splits} }}
files_sha256 = "{sum}"
"""


def write_samples(out, found):
    """Writes pictures and samples.jsonl; returns {split: samples}."""
    lines, counts = [], dict.fromkeys(SPLITS, 0)
    for split in SPLITS:
        for stamp in one_per_caption([stamp for stamp in found if stamp.split == split]):
            name = f"{split}-{counts[split]:03}"
            square(stamp.path).save(out / "images" / f"{name}.png", optimize=True)
            lines.append({
                "id": name, "split": split, "image": f"images/{name}.png", "text": stamp.caption,
                "slice": {"category": stamp.category, "kind": stamp.kind},
            })
            counts[split] += 1
    (out / "samples.jsonl").write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return counts


def refuse_shared_pictures(found):
    """No picture may be in two splits under two captions."""
    owners = {}
    for stamp in found:
        digest = hashlib.sha256(square(stamp.path).tobytes()).digest()
        before = owners.setdefault(digest, stamp)
        if before.split != stamp.split:
            raise SystemExit(f"{before.name} ({before.split}) and {stamp.name} ({stamp.split}) are one picture")


def write_identity(out, counts, package_version):
    """files.sha256 over every other file, then set.toml with its sum."""
    total = write_checksums(out)
    splits = ", ".join(f"{name} = {count}" for name, count in counts.items())
    (out / "set.toml").write_text(
        DESCRIPTION.format(version=VERSION, package=PACKAGE, package_version=package_version, splits=splits, sum=total))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stamps", type=pathlib.Path, required=True)
    parser.add_argument("--package-version", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    found = stamps(arguments.stamps)
    refuse_shared_pictures(found)
    shutil.rmtree(arguments.out, ignore_errors=True)
    (arguments.out / "images").mkdir(parents=True)
    counts = write_samples(arguments.out, found)
    attribution = ATTRIBUTION.format(package=PACKAGE, version=arguments.package_version)
    (arguments.out / "ATTRIBUTION.md").write_text(attribution)
    write_identity(arguments.out, counts, arguments.package_version)
    print(f"{arguments.out}: {counts}")


if __name__ == "__main__":
    main()
