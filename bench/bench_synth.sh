#!/bin/bash
# What it costs to make flow records and to write them, beside programs that only write: nfdump, which prints the
# same records of an nfcapd file as CSV, and Python's csv, which writes rows that are all made.
#
#     bench_synth.sh DAYSHIFT MODEL [RECORDS]
set -eu
dayshift=$1 model=$2 records=${3:-1000000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Seconds of CPU, of user and system together.
seconds() {
    { TIMEFORMAT='%U %S'; time "$@" > "$work/out" 2> "$work/err"; } 2>&1 | awk '{ print $1 + $2 }'
}

line() { # NAME SECONDS
    awk -v name="$1" -v s="$2" -v n="$records" 'BEGIN { printf "%-44s %8.3f s  %6.2f million/s\n", name, s, n / s / 1e6 }'
}

for format in csv json nfcapd; do
    line "dayshift synth --format $format" \
        "$(seconds "$dayshift" synth -q -n "$records" --format "$format" -o "$work/log.$format" "$model")"
done
if command -v nfdump > /dev/null; then
    line "nfdump -o csv (prints the nfcapd file)" "$(seconds nfdump -q -N -r "$work/log.nfcapd" -o csv)"
    line "nfdump -o fmt (the same 13 columns)" \
        "$(seconds nfdump -q -N -r "$work/log.nfcapd" -o 'fmt:%ts,%te,%td,%sa,%da,%sp,%dp,%pr,%flg,%pkt,%byt,%opkt,%obyt')"
fi
line "Python's csv.writer (16 columns)" "$(seconds python3 -c '
import csv, sys
row = ["2026-11-21 19:00:00.000000", "2026-11-21 19:00:01.000000", 1.0, "198.18.0.1", "198.19.200.1", 50000, 443, "TCP",
       "...AP.SF", 0, 0, 10, 5000, 12, 9000, "...AP.SF"]
writer = csv.writer(open(sys.argv[1], "w"))
for i in range(int(sys.argv[2])):
    writer.writerow(row)
' "$work/python.csv" "$records")"
