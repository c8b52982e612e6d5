#!/bin/sh
# Takes what was found into the corpus that is kept: the smallest inputs that reach as much, none over 16 KiB.
set -eu
cd "$(dirname "$0")"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$(cd ../.. && pwd)/target}/fuzz"
programs=$CARGO_TARGET_DIR/$(rustc -vV | sed -n 's/^host: //p')/release
for target in "$@"; do
    kept=$(mktemp -d)
    "$programs/$target" -merge=1 -max_len=16384 -detect_leaks=0 -rss_limit_mb=3072 -timeout=60 \
        "$kept" "corpus/$target" "$CARGO_TARGET_DIR/corpus/$target" 2>&1 | tail -n 1
    # The seeds have names that say what they are; what was found is named by its SHA-1, and up to 64 are kept, the
    # smallest first.
    sha1sum "corpus/$target"/* | while read -r digest _; do rm -f "$kept/$digest"; done
    find "$kept" -type f -printf '%s %p\n' | sort -n | head -n 64 | cut -d' ' -f2- | xargs -r cp -t "corpus/$target"
    rm -rf "$kept"
done
