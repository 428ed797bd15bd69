#!/bin/sh
# Replays the corpus of every fuzz target.
set -eu
source=${DAYSHIFT_SOURCE:-$(cd "$(dirname "$0")/.." && pwd)}
cd "$(dirname "${DAYSHIFT:-$PWD/dayshift}")"
for target in decode capture records model; do
    printf '%s: ' "$target"
    "fuzz/replay_$target" "$source/fuzz/corpus/$target"
done
