#!/bin/bash
# Runs one bats file for `make check`: prints its TAP; exit status 77 (skipped) when bats is
# missing or every test of the file was skipped.
#
#     DAYSHIFT=./dayshift DAYSHIFTD=./dayshiftd tests/run-bats.sh tests/programs.bats
set -u

if ! command -v bats > /dev/null; then
    echo "1..0 # SKIP bats is not installed"
    exit 77
fi

report=$(mktemp) || exit 99
trap 'rm -f "$report"' EXIT
bats --tap "$@" | tee "$report"
status=${PIPESTATUS[0]}
if [ "$status" -eq 0 ] && ! grep '^ok ' "$report" | grep -qv '# skip'; then
    status=77
fi
exit "$status"
