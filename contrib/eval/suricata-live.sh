#!/bin/bash
# What an intrusion detection system on a tap link thinks of dayshiftd, beside the real captures that it learned from.
#
#     contrib/eval/suricata-live.sh [-H HOSTS] [-x SPEED] [-t TIME] [-s SEED] DAYSHIFT OUT NAME=CAPTURES...
#
# DAYSHIFT is the program dayshift, with dayshiftd beside it; CAPTURES is a capture, or a folder of them. Its model plays an
# hour of a day (from TIME on, default 09:00), SPEED times as fast (default 12: five minutes), with HOSTS virtual hosts
# (default: as many as were learned), on a link between two network namespaces. Suricata 7 listens at the far end, with
# checksums enforced and without rules. A table at the end: frames sent, packets that Suricata saw and that its kernel dropped,
# decoder and stream events, also per 1,000 packets; the real captures are read offline. Exit code 1 when a packet was dropped, or is
# missing, or when the link gives more events of a kind than the real captures.
#
# Needs root, jq, iproute2, and Suricata 7 (suricata.sh tells where it is).
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
need_tools suricata jq
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

# live NAME: a line of the table, and what is wrong with it
live() {
    local eve=$out/$1.live.json packets decoder stream seen dropped

    listen "$1"
    play "$1"
    stop_listening "$1"
    read -r packets decoder stream < <(count "$eve")
    read -r seen dropped < <(jq -r 'select(.event_type == "stats").stats.capture |
        [.kernel_packets, .kernel_drops] | @tsv' "$eve")
    decoder_rate=$(per_thousand "$decoder" "$packets")
    stream_rate=$(per_thousand "$stream" "$packets")
    printf '%-10s %-5s %9d %9d %8d %8d %10s %8d %10s\n' "$1" link "$sent" "$seen" "$dropped" "$decoder" "$decoder_rate" \
        "$stream" "$stream_rate"
    if [ "$dropped" != 0 ] || [ "$packets" -lt "$sent" ]; then
        status=1
    fi
    if is_more "$decoder_rate" "$real_decoder_rate" || is_more "$stream_rate" "$real_stream_rate"; then
        status=1
        events "$eve"
    fi
}

# real NAME CAPTURES: what the captures cause, offline
real() {
    local packets decoder stream

    : >"$out/$1.real.json"
    while IFS= read -r capture; do
        watch "$capture" "$out/$1.real.json"
    done < <(find "$2" -type f | sort)
    read -r packets decoder stream < <(count "$out/$1.real.json")
    real_decoder_rate=$(per_thousand "$decoder" "$packets")
    real_stream_rate=$(per_thousand "$stream" "$packets")
    printf '%-10s %-5s %9s %9d %8s %8d %10s %8d %10s\n' "$1" real - "$packets" - "$decoder" "$real_decoder_rate" "$stream" \
        "$real_stream_rate"
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
