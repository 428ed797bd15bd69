#!/bin/bash
# usage: bench_learn.sh DAYSHIFT CAPTURE
# CPU seconds of a complete `dayshift learn` beside `softflowd -r`, which only meters flows,
# on the same capture repeated to at least a million frames; in turn, five times; medians.
set -eu
dayshift=$1 capture=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

case $capture in
*.zst) zstd -dcq "$capture" >"$work/1.pcap" ;;
*.xz) xz -dc "$capture" >"$work/1.pcap" ;;
*) cp "$capture" "$work/1.pcap" ;;
esac
frames=$(capinfos -Mrc "$work/1.pcap" | tail -n 1 | awk '{ print $NF }')
files=()
for i in $(seq $((1000000 / frames + 1))); do
    editcap -t $((i * 86400)) "$work/1.pcap" "$work/day-$i.pcap" # a day later each
    files+=("$work/day-$i.pcap")
done
mergecap -a -F pcap -w "$work/all.pcap" "${files[@]}"
rm -f "${files[@]}" "$work/1.pcap"

cpu() { # user + system seconds of a command
    local TIMEFORMAT='%U %S'
    { time "$@" >"$work/out" 2>&1; } 2>&1 | awk '{ printf "%.3f\n", $1 + $2 }'
}
median() { sort -n "$1" | sed -n '3p'; }

for _ in 1 2 3 4 5; do
    cpu "$dayshift" learn -q -o "$work/model.dsm" "$work/all.pcap" >>"$work/learn"
    command -v softflowd >/dev/null || continue
    cpu softflowd -r "$work/all.pcap" >>"$work/softflowd"
done
learn=$(median "$work/learn")
printf '%d frames: dayshift learn %s s' $((frames * ${#files[@]})) "$learn"
[ ! -e "$work/softflowd" ] || printf ', softflowd -r %s s, ratio %.2f' "$(median "$work/softflowd")" \
    "$(awk "BEGIN { print $learn / $(median "$work/softflowd") }")"
printf '\n'
