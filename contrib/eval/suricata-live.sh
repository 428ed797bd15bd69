#!/bin/bash
# What an intrusion detection system on a tap link thinks of dayshiftd, beside the real captures that it learned from.
#
#     contrib/eval/suricata-live.sh [-H HOSTS] [-x SPEED] [-t TIME] [-s SEED] DAYSHIFT OUT NAME=CAPTURES...
#
# DAYSHIFT is the program dayshift, with dayshiftd beside it; CAPTURES is a capture, or a folder of them. Its model plays an
# hour of a day (from TIME on, default 09:00), SPEED times as fast (default 12: five minutes), with HOSTS virtual hosts
# (default: as many as were learned), on a link between two network namespaces. Suricata 7 listens at the far end, with
# checksums enforced and without rules. A table at the end: frames sent, packets that Suricata saw and that its kernel dropped,
# decoder and stream events, also per 1,000 packets. The real captures are read offline: as they are (`real`), and the same
# hour of each of their days (UTC) by itself, as a sensor sees it that begins to listen then (`hour`, where they cover it). Exit code
# 1 when a packet was dropped, or is missing, or when the link gives more events of a kind per 1,000 packets than the captures
# do, and more than they do at that hour.
#
# Needs root, jq, iproute2, tshark (with editcap), and Suricata 7 (suricata.sh tells where it is).
set -eu

# shellcheck source=contrib/eval/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=contrib/eval/suricata_events.sh
. "$here/suricata_events.sh"
# shellcheck source=tests/link.sh
. "$here/../../tests/link.sh"

hosts=
speed=12
time=09:00
seed=1
suricata_pid=
read_options "H=hosts x=speed t=time s=seed" "$@"
set -- "${arguments[@]}"
[ $# -ge 3 ] || usage 2 >&2
need_tools suricata jq tshark editcap
begin "$1" "$2"
dayshiftd=${dayshift}d
[ -x "$dayshiftd" ] || die "$dayshiftd: no program"
shift 2
# shellcheck disable=SC2119 # its arguments are names of programs
link_set_up

# listen NAME: Suricata at the far end, until stop_listening
listen() {
    rm -rf "$out/$1.live"
    mkdir "$out/$1.live"
    ip netns exec "$space_b" suricata -c "$out/suricata.yaml" -S /dev/null -k all --af-packet="$link_b" --set stats.interval=1 \
        -l "$out/$1.live" >"$out/$1.live/log" 2>&1 &
    suricata_pid=$!
    other_pids=$suricata_pid
    wait_for 60 grep -qs 'Engine started' "$out/$1.live/log" "$out/$1.live/suricata.log" || die "Suricata does not start: see $out/$1.live/log"
}

# stop_listening NAME: its events, and the last of its statistics, in NAME.live.json
stop_listening() {
    sleep 3 # what is in its buffers
    kill "$suricata_pid"
    wait "$suricata_pid" || true
    other_pids=
    jq -cn '[inputs] | (map(select(.event_type == "stats")) | last), (.[] | select(.event_type == "anomaly"))' \
        "$out/$1.live/eve.json" >"$out/$1.live.json"
}

# play NAME: the hour on the link; frames sent in $sent
play() {
    local populations="{ model = \"$out/$1.dsm\"; network = \"198.18.0.0/16\"; ${hosts:+hosts = $hosts; }}"

    cat >"$out/$1.conf" <<END
interface = "$link_a";
start = "2026-01-05 $time";
speed = $speed.0;
duration = "$((3600 / speed))s";
seed = $seed;
control = "";
populations = ( $populations );
END
    in_a "$dayshiftd" -q -j -c "$out/$1.conf" >"$out/$1.played.json" 2>>"$out/log" || die "dayshiftd failed: $(tail -n 1 "$out/log")"
    sent=$(jq .sent "$out/$1.played.json")
}

# row NAME WHAT SENT SEEN DROPPED EVE: a line of the table; the events per 1,000 packets in $decoder_rate and $stream_rate.
# SEEN -: as many as were read
row() {
    local decoder stream seen=$4

    read -r packets decoder stream < <(count "$6")
    [ "$seen" != - ] || seen=$packets
    decoder_rate=$(per_thousand "$decoder" "$packets")
    stream_rate=$(per_thousand "$stream" "$packets")
    printf '%-10s %-5s %9s %9s %8s %8d %10s %8d %10s\n' "$1" "$2" "$3" "$seen" "$5" "$decoder" "$decoder_rate" "$stream" "$stream_rate"
}

# live NAME: a line of the table, and what is wrong with it
live() {
    local eve=$out/$1.live.json packets seen dropped

    listen "$1"
    play "$1"
    stop_listening "$1"
    read -r seen dropped < <(jq -r 'select(.event_type == "stats").stats.capture |
        [.kernel_packets, .kernel_drops] | @tsv' "$eve")
    row "$1" link "$sent" "$seen" "$dropped" "$eve"
    if [ "$dropped" != 0 ] || [ "$packets" -lt "$sent" ]; then
        status=1
    fi
    if is_more "$decoder_rate" "$most_decoder_rate" || is_more "$stream_rate" "$most_stream_rate"; then
        status=1
        events "$eve"
    fi
}

# hours CAPTURE EVE: what Suricata writes of the hour of each of its days, added to the file EVE
hours() {
    local day cut=$out/hour.pcap begin begin_s
    begin=$(date -u -d "1970-01-01 $time" +%s)

    for day in $(tshark -r "$1" -T fields -e frame.time_epoch 2>>"$out/log" |
        awk -v begin="$begin" '($1 - begin) % 86400 < 3600 { print int(($1 - begin) / 86400) }' | sort -nu); do
        begin_s=$((day * 86400 + begin))
        TZ=UTC editcap -F nsecpcap -A "$(stamp $begin_s)" -B "$(stamp $((begin_s + 3600)))" "$1" "$cut" 2>>"$out/log" ||
            die "editcap cannot cut $1"
        watch "$cut" "$2"
    done
    rm -f "$cut"
}

stamp() {
    date -u -d "@$1" '+%F %T'
}

# real NAME CAPTURES: what the captures cause, offline, and what the hour of their days does; the larger rates in
# $most_decoder_rate and $most_stream_rate
real() {
    local packets eve=$out/$1.real.json eve_of_hour=$out/$1.hour.json

    : >"$eve"
    : >"$eve_of_hour"
    while IFS= read -r capture; do
        watch "$capture" "$eve"
        hours "$capture" "$eve_of_hour"
    done < <(find "$2" -type f | sort)
    row "$1" real - - - "$eve"
    most_decoder_rate=$decoder_rate most_stream_rate=$stream_rate
    [ -s "$eve_of_hour" ] || return 0
    row "$1" hour - - - "$eve_of_hour"
    ! is_more "$decoder_rate" "$most_decoder_rate" || most_decoder_rate=$decoder_rate
    ! is_more "$stream_rate" "$most_stream_rate" || most_stream_rate=$stream_rate
}

status=0
write_configuration
printf '%-10s %-5s %9s %9s %8s %8s %10s %8s %10s\n' "" "" sent packets dropped decoder "per 1,000" stream "per 1,000"
for pair in "$@"; do
    name=${pair%%=*} captures=${pair#*=}
    [ -e "$captures" ] || die "$captures: no such capture"
    real "$name" "$captures"
    run_dayshift learn -q -o "$out/$name.dsm" "$captures"
    live "$name"
done
exit $status
