#!/bin/bash
# How soon virtual hosts answer a neighbour while they send, and what that costs the emission.
#
#     bench/respond.sh            from the build directory, as root
#
# In two network namespaces made here, joined by a veth pair; nothing leaves them. Says so and ends with 77 where something
# is missing. One run of dayshiftd is asked, another one is not; ROUNDS (3) of each, in turns. Prints a line for each.
#
#     HOSTS    virtual hosts (10000), each with an IPv4 and an IPv6 address
#     RATE     questions a second (1000), in turns ARP, ping, a SYN, a neighbour solicitation and a ping of IPv6
#     SPEED    of the day (1): with the sample and 10,000 hosts about 20,000 packets/s
#     SECONDS_ASKED   of each run (10)
#     TIMING   exact, balanced or frugal (balanced: exact spins, and wants a processor of its own)
#     MODEL    a model file; without it one of contrib/sample.pcap.* is learned
set -eu

source_dir=$(cd "$(dirname "$0")/.." && pwd)
hosts=${HOSTS:-10000}
seconds=${SECONDS_ASKED:-10}

# shellcheck source=tests/link.sh
. "$source_dir/tests/link.sh"

value_of()
{
    sed -n "s/^$1=//p" "$scratch/asked"
}

# in_report EXPRESSION, of the document d
in_report()
{
    python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$scratch/report" "$1"
}

frames_sent()
{
    in_a cat "/sys/class/net/$link_a/statistics/tx_packets"
}

is_sending()
{
    [ "$(frames_sent)" -gt $((before + hosts * 8 + 1000)) ] # probes and announcements come first
}

# round RATE: one run, asked that often; 0: not
round()
{
    before=$(frames_sent)
    ip netns exec "$space_a" ./dayshiftd --json -q -c "$scratch/run.conf" >"$scratch/report" 2>"$scratch/words" &
    probe_pid=$!
    wait_for 60 is_sending || { cat "$scratch/words"; exit 1; }
    sleep 2
    if [ "$1" -gt 0 ]; then
        in_b ./bench/bench_respond "$link_b" "$hosts" "$1" "$seconds" >"$scratch/asked"
    else
        sleep $((seconds + 1))
        : >"$scratch/asked"
    fi
    kill -INT "$probe_pid"
    wait "$probe_pid" || { cat "$scratch/words"; exit 1; }
    probe_pid=
    printf '| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n' "$1" "$(value_of answered)" "$(value_of late)" "$(value_of p50)" \
        "$(value_of p99)" "$(value_of max)" "$(in_report 'round(d["sent"] / d["seconds"])')" \
        "$(in_report 'round(d["lateness_ns"]["p50"] / 1000)')" "$(in_report 'round(d["lateness_ns"]["p99"] / 1000)')"
}

link_set_up python3
[ -n "${MODEL:-}" ] || ./dayshift learn -q -o "$scratch/model.dsm" "$source_dir"/contrib/sample.pcap.*
cat >"$scratch/run.conf" <<CONF
interface = "$link_a"; control = ""; start = "2024-01-01 10:00"; speed = ${SPEED:-1.0}; timing = "${TIMING:-balanced}";
stop_seconds = 0;
populations = ( { model = "${MODEL:-$scratch/model.dsm}"; hosts = $hosts; network = "198.18.0.0/16"; network6 = "2001:2::/64"; } );
CONF
echo "| asked a second | answered | later than 10 ms | p50 us | p99 us | most us | sent a second | lateness p50 us | p99 us |"
echo "|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
for ((i = 0; i < ${ROUNDS:-3}; i++)); do
    round 0
    round "${RATE:-1000}"
done
