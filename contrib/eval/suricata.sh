#!/bin/bash
# What an intrusion detection system thinks of synthetic captures, beside the real ones they were learned from.
#
#     contrib/eval/suricata.sh [-f DURATION] [-n SESSIONS] [-s SEED] DAYSHIFT OUT NAME=CAPTURES...
#
# CAPTURES is a capture, or a folder of them. Its model plays a part of a day (default 1h) and sessions (default
# 2000), both as the network was and without impairments. Suricata 7 reads all of them offline, with checksums
# enforced. At the end a table: packets, decoder and stream events, also per 1,000 packets, and of the connections
# that the truth calls complete those whose last FIN nobody acknowledges, and those that Suricata saw otherwise: not closed with
# FINs of both sides, or of other packets or bytes. Exit code 1 if there are any of the latter, or if synthetic packets give
# more events of a kind than real ones.
#
# Needs jq, and Suricata 7; on Debian 12 from backports:
#     echo 'deb http://deb.debian.org/debian bookworm-backports main' >/etc/apt/sources.list.d/backports.list
#     apt-get update && apt-get install -t bookworm-backports suricata
set -eu

# shellcheck source=contrib/eval/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=contrib/eval/suricata_events.sh
. "$here/suricata_events.sh"

duration=1h
sessions=2000
seed=1
read_options "f=duration n=sessions s=seed" "$@"
set -- "${arguments[@]}"
[ $# -ge 3 ] || usage 2 >&2
need_tools suricata jq python3
begin "$1" "$2"
shift 2

# report NAME WHAT COMPLETE UNACKNOWLEDGED DIFFERENT: a line of the table; the events per 1,000 packets in $decoder_rate and $stream_rate
report() {
    local packets decoder stream

    read -r packets decoder stream < <(count "$out/$1.$2.json")
    decoder_rate=$(per_thousand "$decoder" "$packets")
    stream_rate=$(per_thousand "$stream" "$packets")
    printf '%-10s %-14s %9d %8d %10s %8d %10s %9s %9s %9s\n' "$1" "$2" "$packets" "$decoder" "$decoder_rate" \
        "$stream" "$stream_rate" "$3" "$4" "$5"
}

# said FILE WORD: the number before the word in what agree.py says
said() {
    sed -n "1s/.* \([0-9]*\) $2.*/\1/p" "$1.agree"
}

# judge NAME WHAT DAYSHIFT_ARGUMENT...: synthesizes, and compares with the truth and with what is real
judge() {
    local name=$1 what=$2 file="$out/$1.$2"
    shift 2

    run_dayshift "$@" -q --seed "$seed" -o "$file.pcap" --truth "$file.csv" "$out/$name.dsm"
    : >"$file.json"
    watch "$file.pcap" "$file.json"
    "$here/agree.py" "$file.csv" suricata "$file.json" >"$file.agree" || status=1
    report "$name" "$what" "$(said "$file" complete)" "$(said "$file" unacknowledged)" "$(said "$file" differ)"
    tail -n +2 "$file.agree"
    if is_more "$decoder_rate" "$real_decoder_rate" || is_more "$stream_rate" "$real_stream_rate"; then
        status=1
        events "$file.json"
    fi
}

status=0
write_configuration
printf '%-10s %-14s %9s %8s %10s %8s %10s %9s %9s %9s\n' "" "" packets decoder "per 1,000" stream "per 1,000" \
    complete unacked different
for pair in "$@"; do
    name=${pair%%=*} captures=${pair#*=}
    [ -e "$captures" ] || die "$captures: no such capture"
    : >"$out/$name.real.json"
    while IFS= read -r capture; do
        watch "$capture" "$out/$name.real.json"
    done < <(find "$captures" -type f | sort)
    report "$name" real - - -
    real_decoder_rate=$decoder_rate real_stream_rate=$stream_rate
    run_dayshift learn -q -o "$out/$name.dsm" "$captures"
    judge "$name" day day --for "$duration"
    judge "$name" day-none day --for "$duration" --impairments none
    judge "$name" sessions sessions -n "$sessions"
    judge "$name" sessions-none sessions -n "$sessions" --impairments none
done
exit $status
