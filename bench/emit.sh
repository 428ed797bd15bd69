#!/bin/bash
# How fast, and how exactly, frames get onto a link: dayshift's sinks beside tcpreplay, trafgen and a bare loop, in turns.
#
#     bench/emit.sh [speed|exact]        from the build directory, as root; both without an argument
#
# In two network namespaces made here, joined by a veth pair; nothing leaves them. Needs the Debian packages
# iproute2 tcpreplay netsniff-ng; says so and ends with 77 where something is missing. Prints Markdown tables of medians
# over ROUNDS rounds (5), each contender once a round.
#
#     FRAMES   of a run for speed (1000000)
#     SECONDS_EXACT   of a run for exactness (5)
#     PRIORITY of all who send, real-time, 1 to 99 (none): where others use the machine as well
#     MODEL    a model file; without it one of contrib/sample.pcap.* is learned
# shellcheck disable=SC2016 # ` is Markdown
set -eu

what=${1:-all}
source_dir=$(cd "$(dirname "$0")/.." && pwd)
rounds=${ROUNDS:-5}
frames=${FRAMES:-1000000}
seconds=${SECONDS_EXACT:-5}
processors=$(nproc)
last=$((processors - 1))

# shellcheck source=tests/link.sh
. "$source_dir/tests/link.sh"

set_up()
{
    link_set_up tcpreplay trafgen tcpdump
    [ -n "${MODEL:-}" ] || ./dayshift learn -q -o "$scratch/model.dsm" "$source_dir"/contrib/sample.pcap.*
    cp "${MODEL:-$scratch/model.dsm}" "$scratch/model.dsm" 2>/dev/null || true
    sinks='packet libnet'
    has_xdp && sinks='packet xdp libnet' || echo "without AF_XDP: $(cat "$scratch/xdp.err")"
}

has_xdp()
{
    ./bench/bench_wire full "$scratch/one.pcap" 1
    in_a ./bench/bench_wire replay "$link_a" xdp "$scratch/one.pcap" 1 >/dev/null 2>"$scratch/xdp.err"
}

peer_packets()
{
    in_b cat "/sys/class/net/$link_b/statistics/rx_packets"
}

# --- speed ---

# run NAME COMMAND...: adds one line to NAME's results: packets/s, bits/s, frames lost of those sent, ns of processor time a frame
run()
{
    local name=$1 before after
    shift
    [ -z "${PRIORITY:-}" ] || set -- chrt -f "$PRIORITY" "$@"
    before=$(peer_packets)
    in_a ./bench/bench_wire rate "$link_a" "$@" >"$scratch/out" 2>"$scratch/err" || { cat "$scratch/err" >&2; exit 1; }
    after=$(peer_packets)
    awk -F= -v arrived=$((after - before)) '
        / *Successful packets:/ { sub(/.*: */, ""); v["sent"] = $0 + 0 }
        NF == 2 { v[$1] = $2 }
        END {
            sent = "sent" in v ? v["sent"] : v["interface"]
            lost = sent - arrived
            if (v["interface"] != sent) lost = lost " (interface " v["interface"] ")"
            if (v["interface"] == 0) { v["pps"] = v["own"]; v["bps"] = 0; lost = "-" }
            printf "%.0f\t%.0f\t%s\t%.0f\n", v["pps"], v["bps"], lost, "cpu_ns" in v ? v["cpu_ns"] : v["process_ns"]
        }' "$scratch/out" >>"$scratch/speed.$name"
}

trafgen_file()
{
    # A frame of its own kind: UDP to port 9 of nobody.
    printf '{ 0x02, 0xd5, 0, 0, 0, 0xff, 0x02, 0xd5, 0, 0, 0, 1, 0x08, 0x00, 0x45, 0, c16(%d), fill(0, 4), 64, 17, csumip(14, 33), 198, 18, 0, 1, 198, 18, 0, 2, 0, 9, 0, 9, c16(%d), 0, 0, fill(0, %d) }\n' \
        $(($1 - 14)) $(($1 - 34)) $(($1 - 42)) >"$2"
}

# round SUFFIX PCAP TRAFGEN: each contender once
round()
{
    local sink loops

    loops=$((frames / $(wc -l <"$scratch/count$1")))
    run "tcpreplay$1" taskset -c $last tcpreplay -i "$link_a" --topspeed --preload-pcap --loop $loops "$2"
    run "trafgen$1" taskset -c $last trafgen -q -o "$link_a" -i "$3" -n "$frames" -P 1 --no-sock-mem
    for sink in $sinks; do
        run "replay-$sink$1" taskset -c $last ./bench/bench_wire replay "$link_a" "$sink" "$2" "$frames"
    done
    [ -z "$1" ] || return 0
    for sink in $sinks null; do
        run "play-$sink" ./bench/bench_wire play "$link_a" "$sink" "$scratch/model.dsm" "$frames"
    done
}

median()
{
    sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# row NAME SUFFIX WHAT: one line of the table; tcpreplay's median is the measure
row()
{
    local file=$scratch/speed.$1$2

    [ -e "$file" ] || return 0
    paste <(cut -f1 "$file") <(cut -f1 "$scratch/speed.tcpreplay$2") | awk '{ print $1 / $2 }' | sort -n >"$scratch/ratios"
    paste <(cut -f4 "$file") <(cut -f4 "$scratch/speed.tcpreplay$2") | awk '{ print $2 / $1 }' | sort -n >"$scratch/cpu_ratios"
    printf '| %s | %.3f | %.2f | %.2f (%.2f to %.2f) | %.0f | %.2f (%.2f to %.2f) | %s |\n' "$3" "$(cut -f1 "$file" | median | awk '{ print $1 / 1e6 }')" \
        "$(cut -f2 "$file" | median | awk '{ print $1 / 1e9 }')" "$(median <"$scratch/ratios")" \
        "$(head -n 1 "$scratch/ratios")" "$(tail -n 1 "$scratch/ratios")" "$(cut -f4 "$file" | median)" "$(median <"$scratch/cpu_ratios")" \
        "$(head -n 1 "$scratch/cpu_ratios")" "$(tail -n 1 "$scratch/cpu_ratios")" \
        "$(cut -f3 "$file" | sort -u | paste -sd ';')"
}

table()
{
    printf '\n| %s | million packets/s | Gbit/s | of tcpreplay, in the same round | ns a frame | of tcpreplay | lost |\n|---|--:|--:|--:|--:|--:|--:|\n' "$2"
    row tcpreplay "$1" 'tcpreplay --topspeed --preload-pcap'
    row trafgen "$1" 'trafgen, a static frame'
    row replay-packet "$1" '`packet`, from memory'
    row replay-xdp "$1" '`xdp`, from memory'
    row replay-libnet "$1" '`libnet`, from memory'
    row play-packet "$1" '`packet`, synthesized meanwhile'
    row play-xdp "$1" '`xdp`, synthesized meanwhile'
    row play-libnet "$1" '`libnet`, synthesized meanwhile'
    row play-null "$1" '`null`, synthesized meanwhile'
}

measure_speed()
{
    local i mean

    ./dayshift day -q --for 35m -o "$scratch/sample.pcap" "$scratch/model.dsm" # about 100,000 frames
    ./bench/bench_wire full "$scratch/full.pcap" 50000
    tcpdump -nqtr "$scratch/sample.pcap" 2>/dev/null >"$scratch/count"
    tcpdump -nqtr "$scratch/full.pcap" 2>/dev/null >"$scratch/count-full"
    mean=$((($(stat -c %s "$scratch/sample.pcap") - 24) / $(wc -l <"$scratch/count") - 16))
    trafgen_file $mean "$scratch/sample.cfg"
    trafgen_file 1514 "$scratch/full.cfg"
    for ((i = 0; i < rounds; i++)); do
        round '' "$scratch/sample.pcap" "$scratch/sample.cfg"
        round -full "$scratch/full.pcap" "$scratch/full.cfg"
    done
    echo
    echo "Speed: $rounds rounds, $frames frames a run, on $processors processors. Lost: of those that the program says it sent, what"
    echo "did not arrive. ns: processor time of the thread that sends, in the kernel too; what the machine does beside does not count."
    table '' "frames of the sample, $mean bytes in the mean"
    table -full 'frames of 1514 bytes'
}

# --- exactness ---

# exact NAME RATE COMMAND...: one run, captured on the other end
exact()
{
    local name=$1 rate=$2 tries=100
    shift 2
    : >"$scratch/capture.out"
    ip netns exec "$space_b" taskset -c 0 ./bench/bench_exact capture "$link_b" $((rate * seconds)) "$scratch/arrivals" >"$scratch/capture.out" &
    probe_pid=$!
    until grep -q ready "$scratch/capture.out" || [ $tries = 0 ]; do
        tries=$((tries - 1))
        sleep 0.05
    done
    [ -z "${PRIORITY:-}" ] || set -- chrt -f "$PRIORITY" "$@"
    in_a "$@" >"$scratch/out" 2>"$scratch/err" || { cat "$scratch/err" >&2; exit 1; }
    wait "$probe_pid" || exit 1
    probe_pid=
    # shellcheck disable=SC2046 # the anchor is one word, or none
    ./bench/bench_exact judge "$scratch/arrivals" "$rate" $(sed -n 's/^anchor=//p' "$scratch/out") >"$scratch/errors"
    awk -F= -v all=$((rate * seconds)) '{ v[$1] = $2 }
        END { printf "%s\t%s\t%s\t%s\t%s\t%d\n", v["p50"], v["p99"], v["p999"], v["max"], v["drift"], all - v["arrived"] }' \
        "$scratch/errors" >>"$scratch/exact.$rate.$name"
}

exact_row()
{
    local file=$scratch/exact.$1.$2 i

    [ -e "$file" ] || return 0
    printf '| %s | %s |' "$1" "$3"
    for i in 1 2 3 4 5 6; do
        printf ' %s |' "$(cut -f$i "$file" | median)"
    done
    for i in 2 3; do
        paste <(cut -f$i "$file") <(cut -f$i "$scratch/exact.$1.bare") | awk '{ print $1 / $2 }' | median |
            awk '{ printf " %.2f |", $1 }'
    done
    echo
}

measure_exactness()
{
    local i rate sink

    for rate in 1000 10000 100000; do
        ./bench/bench_exact pcap "$scratch/$rate.pcap" $rate "$seconds"
    done
    for ((i = 0; i < rounds; i++)); do
        for rate in 1000 10000 100000; do
            exact bare $rate ./bench/bench_exact bare "$link_a" $rate "$seconds"
            for sink in $sinks; do
                exact "$sink" $rate ./bench/bench_exact emit "$link_a" "$sink" $rate "$seconds"
            done
            exact tcpreplay $rate taskset -c $last tcpreplay -q -i "$link_a" --preload-pcap "$scratch/$rate.pcap"
        done
    done
    echo
    echo "Exactness: medians of $rounds rounds of $seconds s; errors in microseconds, as stamped by the kernel on the other end."
    echo "tcpreplay's first frame counts as on time. The last two columns: p99 and p99.9 by those of the bare loop in the same round."
    printf '\n| packets/s | by | p50 | p99 | p99.9 | most | drift | lost | p99 by bare | p99.9 by bare |\n|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|\n'
    for rate in 1000 10000 100000; do
        exact_row $rate bare 'a bare loop'
        exact_row $rate packet '`packet`'
        exact_row $rate xdp '`xdp`'
        exact_row $rate libnet '`libnet`'
        exact_row $rate tcpreplay tcpreplay
    done
}

set_up
case $what in
speed) measure_speed ;;
exact) measure_exactness ;;
all) measure_speed && measure_exactness ;;
*) sed -n '2,15s/^# \?//p' "$0"; exit 2 ;;
esac
