#!/bin/sh
# Replays the corpus of every fuzz target. A model that is refused replays next to nothing: these load.
set -eu
source=${DAYSHIFT_SOURCE:-$(cd "$(dirname "$0")/.." && pwd)}
dayshift=${DAYSHIFT:-$PWD/dayshift}
cd "$(dirname "$dayshift")"
for target in decode capture records labels model control answer overlay; do
    printf '%s: ' "$target"
    "fuzz/replay_$target" "$source/fuzz/corpus/$target"
done
for model in every_table crowds; do
    "$dayshift" info "$source/fuzz/corpus/model/$model" > /dev/null
done
