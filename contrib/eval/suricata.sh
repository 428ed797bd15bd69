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

duration=1h
sessions=2000
seed=1
read_options "f=duration n=sessions s=seed" "$@"
set -- "${arguments[@]}"
[ $# -ge 3 ] || usage 2 >&2
for tool in suricata jq python3; do
    command -v $tool >/dev/null || die "$tool is needed"
done
suricata -V | grep -q 'version 7\.' || die "this is not Suricata 7: $(suricata -V)"
begin "$1" "$2"
shift 2

# Suricata's own defaults, all events, and no rules.
write_configuration() {
    cat >"$out/suricata.yaml" <<'END'
%YAML 1.1
---
rule-files: []
pcap-file: { checksum-checks: yes }
stream: { checksum-validation: yes }
outputs:
  - eve-log:
      enabled: yes
      filetype: regular
      filename: eve.json
      types:
        - anomaly: { enabled: yes, types: { decode: yes, stream: yes, applayer: yes } }
        - flow
        - stats: { totals: yes }
stats: { enabled: yes }
END
}

# watch CAPTURE EVE: what Suricata writes of it, added to the file EVE
watch() {
    rm -rf "$out/watch"
    mkdir "$out/watch"
    suricata -c "$out/suricata.yaml" -S /dev/null --runmode single -k all -r "$1" -l "$out/watch" \
        >"$out/watch/log" 2>&1 || { echo "suricata.sh: Suricata cannot read $1" >&2; return 0; }
    cat "$out/watch/eve.json" >>"$2"
}

# count EVE: packets, decoder events, stream events
count() {
    jq -rn 'reduce inputs as $e ([0, 0, 0];
        if $e.event_type == "stats" then .[0] += $e.stats.decoder.pkts
        elif $e.event_type != "anomaly" then .
        elif $e.anomaly.type == "decode" then .[1] += 1
        elif $e.anomaly.type == "stream" then .[2] += 1
        else . end) | @tsv' "$1"
}

# report NAME WHAT COMPLETE UNACKNOWLEDGED DIFFERENT: a line of the table; the events per 1,000 packets in $decoder_rate and $stream_rate
report() {
    local packets decoder stream

    read -r packets decoder stream < <(count "$out/$1.$2.json")
    decoder_rate=$(per_thousand "$decoder" "$packets")
    stream_rate=$(per_thousand "$stream" "$packets")
    printf '%-10s %-14s %9d %8d %10s %8d %10s %9s %9s %9s\n' "$1" "$2" "$packets" "$decoder" "$decoder_rate" \
        "$stream" "$stream_rate" "$3" "$4" "$5"
}

per_thousand() {
    awk -v events="$1" -v packets="$2" 'BEGIN { printf "%.3f", (packets ? 1000 * events / packets : 0) }'
}

is_more() {
    awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > b) }'
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

# events EVE: what they were
events() {
    jq -r 'select(.event_type == "anomaly" and .anomaly.type != "applayer") | .anomaly.event' "$1" |
        sort | uniq -c | sort -rn | head -n 5
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
