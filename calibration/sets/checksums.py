"""What every set's identity begins with."""

import hashlib


def write_checksums(out):
    """files.sha256 over every other file, as sha256sum writes it; its own sum."""
    files = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    sums = "".join(f"{hashlib.sha256((out / name).read_bytes()).hexdigest()}  {name}\n" for name in files)
    (out / "files.sha256").write_text(sums)
    return hashlib.sha256(sums.encode()).hexdigest()
