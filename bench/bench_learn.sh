#!/bin/bash
# usage: bench_learn.sh DAYSHIFT CAPTURE [RUNS]
# CPU seconds (user + system) and peak memory of a complete `dayshift learn` (decode, flows, statistics, fit, write)
# beside programs that only meter flows, on the same capture of 1.5 million frames, in turn; medians. Then what of it
# goes to the packets of flows, where bench/bench_packets stands beside DAYSHIFT.
# With DAYSHIFT_CAPTURES the frames are of its Ethernet captures, else of CAPTURE, one after the other, repeated.
set -eu
dayshift=$1 capture=$2 runs=${3:-5}
here=$(cd "$(dirname "$0")" && pwd)
frames=1500000
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

has() { command -v "$1" >/dev/null; }
has editcap && has python3 || { echo "bench_learn.sh: needs editcap (tshark) and python3"; exit 77; }

# cost FILE COMMAND...: adds a line "CPU seconds, peak kB" to FILE; the command's output goes nowhere.
cost() {
    local file=$1
    shift
    python3 - "$file" "$@" <<'PY' || { echo "bench_learn.sh: $2 failed" >&2; return 1; }
import os, resource, subprocess, sys
with open(os.devnull, 'w') as nothing:
    status = subprocess.run(sys.argv[2:], stdout=nothing, stderr=nothing).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], 'a') as file:
    print(f'{used.ru_utime + used.ru_stime:.3f} {used.ru_maxrss}', file=file)
sys.exit(status not in (0, 3))
PY
}
median() { cut -d' ' -f"$2" "$1" | sort -n | sed -n "$(((runs + 1) / 2))p"; }

# report NAME FILE [BASE]: with the ratio to BASE's time
report() {
    printf '  %-34s %7s s %8.1f MiB' "$1" "$(median "$2" 1)" "$(median "$2" 2 | awk '{ print $1 / 1024 }')"
    [ $# -lt 3 ] || awk -v a="$(median "$2" 1)" -v b="$(median "$3" 1)" 'BEGIN { printf "   %.2f x", a / b }'
    printf '\n'
}

parts=()
if [ -n "${DAYSHIFT_CAPTURES:-}" ]; then
    for file in "$DAYSHIFT_CAPTURES"/iot_sentinel/*.pcap "$DAYSHIFT_CAPTURES"/ndpi_apps/*.pcap* \
                "$DAYSHIFT_CAPTURES"/iot_week*.pcap; do
        [ "$(capinfos -TrE "$file" | cut -f2)" = ether ] || continue
        editcap -F pcap "$file" "$work/part-${#parts[@]}.pcap" 2>/dev/null
        parts+=("$work/part-${#parts[@]}.pcap")
    done
else
    case $capture in
    *.xz) xz -dc "$capture" >"$work/sample.pcap" ;;
    *) cp "$capture" "$work/sample.pcap" ;;
    esac
    editcap -F pcap "$work/sample.pcap" "$work/part-0.pcap" 2>/dev/null
    parts=("$work/part-0.pcap")
fi
frames=$("$here/concatenate.py" "$work/all.pcap" $frames "${parts[@]}")
rm -f "$work"/part-*.pcap

labels=no
! "$dayshift" learn -q --labels ndpi -o "$work/m.dsm" "$capture" 2>/dev/null || labels=yes
mkdir "$work/nf"
for _ in $(seq "$runs"); do
    cost "$work/learn" "$dayshift" learn -q --labels port -o "$work/m.dsm" "$work/all.pcap"
    ! has softflowd || cost "$work/softflowd" softflowd -r "$work/all.pcap"
    [ $labels = no ] || cost "$work/labels" "$dayshift" learn -q --labels ndpi -o "$work/m.dsm" "$work/all.pcap"
    ! has ndpiReader || cost "$work/ndpi" ndpiReader -q -i "$work/all.pcap"
    ! has argus || { rm -f "$work/argus.out"; cost "$work/argus" argus -r "$work/all.pcap" -w "$work/argus.out"; }
    ! has nfpcapd || cost "$work/nfpcapd" nfpcapd -r "$work/all.pcap" -w "$work/nf"
done
printf '%d frames, medians of %d runs: CPU time, peak memory, times as much as a peer\n' "$frames" "$runs"
report "dayshift learn --labels port" "$work/learn"
[ $labels = no ] || report "dayshift learn --labels ndpi" "$work/labels"
for peer in softflowd ndpi argus nfpcapd; do
    [ -e "$work/$peer" ] || continue
    report "$peer" "$work/$peer"
    report "    learn --labels port to it" "$work/learn" "$work/$peer"
    [ $labels = no ] || [ $peer != ndpi ] || report "    learn --labels ndpi to it" "$work/labels" "$work/$peer"
done

packets=$(dirname "$dayshift")/bench/bench_packets
[ ! -x "$packets" ] || "$packets" "$runs" "$work/all.pcap"

ugr=$(compgen -G "${DAYSHIFT_CAPTURES:-/nowhere}/ugr16*.csv.xz" || true)
if [ -n "$ugr" ]; then
    for _ in $(seq "$runs"); do
        cost "$work/ugr" "$dayshift" learn -q -o "$work/m.dsm" "$ugr"
        cost "$work/xz" xz -dc "$ugr"
    done
    echo "a million NetFlow records in .csv.xz"
    report "dayshift learn" "$work/ugr"
    report "xz -d alone" "$work/xz"
fi

echo "floods of two million packets, --max-memory 1G"
runs=1
for kind in scan syn-flood sources ports; do
    "$here/flood.py" $kind 2000000 >"$work/flood.pcap"
    cost "$work/$kind" "$dayshift" learn -q -l 10.0.0.0/8 -l 20.0.0.0/8 -o "$work/m.dsm" "$work/flood.pcap"
    report $kind "$work/$kind"
done
