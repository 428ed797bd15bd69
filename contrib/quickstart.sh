#!/bin/bash
# From a capture to its day on a wire: learns the sample capture, plays its hosts on a link between
# two network namespaces for a minute, and reports what other programs saw at the far end.
# Needs root. Installs Debian packages that are missing; leaves nothing else behind.
set -eu

source_dir=$(cd "$(dirname "$0")/.." && pwd)
seconds=60
speed=20
seed=1
keep=

usage() {
    cat <<TEXT
usage: sudo contrib/quickstart.sh [options]
Learns the sample capture and plays it for a minute between two network namespaces.

  --seconds N  play for N seconds (default $seconds)
  --speed X    the day passes X times as fast (default $speed)
  --seed N     another seed, another day (default $seed)
  --keep DIR   keep model, captures and reports in DIR
  --help       this text
TEXT
}

while [ $# -gt 0 ]; do
    case $1 in
    --seconds | --speed | --seed | --keep)
        [ $# -ge 2 ] || { usage >&2; exit 2; }
        declare "${1#--}=$2"
        shift
        ;;
    --help | -h) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
    esac
    shift
done

# shellcheck source=contrib/common.sh
. "$source_dir/contrib/common.sh"
need_root

# ---- cleaning up: whatever happens

near=dsq-$$-a # dayshiftd plays here
far=dsq-$$-b  # tcpdump records here
work=$(mktemp -d /tmp/dayshift-quickstart.XXXXXX)
pids=()

# shellcheck disable=SC2317 # reached through the trap
clean_up() {
    local pid name
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
    for name in "$near" "$far"; do ip netns del "$name" 2>/dev/null || true; done
    if [ -n "$keep" ]; then
        mkdir -p "$keep"
        cp "$work"/*.dsm "$work"/*.pcap "$work"/*.json "$work"/*.txt "$work"/*.conf "$keep"/ 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# ---- checks: each a line of the report

failed=0
check() { # check WHAT FIGURE WANTED
    local verdict=ok
    [ "$2" = "$3" ] || { verdict="FAILED, wanted $3"; failed=1; }
    printf '  %-52s %12s  %s\n' "$1" "$2" "$verdict"
}
figure() { printf '  %-52s %12s\n' "$1" "$2"; }
us() { awk "BEGIN { printf \"%.1f us\", $1 / 1000 }"; }
json() { sed -n "s/^ *\"$1\": \([0-9.]*\).*/\1/p" "$2" | head -n 1; }
frames() { # frames FILE FILTER...: how many frames tshark finds, with all checksums verified
    local file=$1
    shift
    tshark -o tcp.check_checksum:TRUE -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE \
        -r "$file" -Y "$*" -T fields -e frame.number 2>/dev/null | wc -l
}

step() { printf '\n== %s\n' "$*"; }

step "packages and build"
install_packages "${build_packages[@]}" iproute2 iputils-ping tcpdump tshark nfdump procps
copy_source "$source_dir" "$work/source"
( cd "$work/source" && autoreconf -fi ) >"$work/autoreconf.log" 2>&1 || { cat "$work/autoreconf.log" >&2; die "autoreconf failed"; }
build "$work/source" "$work/build" "$work/build.log"
dayshift=$work/build/dayshift
dayshiftd=$work/build/dayshiftd
"$dayshift" --version

step "learning the sample capture"
sample=$(echo "$source_dir"/contrib/sample.pcap.*)
[ -e "$sample" ] || die "$source_dir/contrib: there is no sample.pcap.*"
"$dayshift" learn -o "$work/sample.dsm" "$sample"
"$dayshift" info "$work/sample.dsm" | sed -n '2,7p'
hosts=$("$dayshift" info --json "$work/sample.dsm" | grep -c '"active_slices"')

step "two namespaces and a link"
for name in "$near" "$far"; do
    ip netns add "$name"
    ip netns exec "$name" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
done
ip link add ds0 netns $near type veth peer name ds1 netns $far
ip -n $near link set ds0 up
ip -n $far link set ds1 up
ip -n $far addr add 198.18.0.250/24 dev ds1
cat >"$work/quickstart.conf" <<TEXT
interface = "ds0";
seed = $seed;
speed = $speed.0;
start = "2026-01-05 09:00";
duration = "${seconds}s";
impairments = "none";
populations = ( { model = "sample.dsm"; network = "198.18.0.0/24"; hosts = $hosts; } );
TEXT
cat "$work/quickstart.conf"

step "playing $seconds seconds, $speed times as fast as the day"
ip netns exec $far tcpdump -i ds1 -w "$work/captured.pcap" -U -B 65536 -s 0 2>"$work/tcpdump.txt" &
tcpdump_pid=$!
pids+=("$tcpdump_pid")
for _ in $(seq 50); do grep -q listening "$work/tcpdump.txt" && break; sleep 0.1; done
( sleep 3; ip netns exec $far ping -c 3 -i 0.5 -W 2 198.18.0.1 >"$work/ping.txt" 2>&1 || true ) &
ping_pid=$!
printf 'until %s\n' "$(date -d "+$seconds seconds" +%H:%M:%S)"
ip netns exec $near "$dayshiftd" -q -j -c "$work/quickstart.conf" >"$work/report.json" &
daemon_pid=$!
pids+=("$daemon_pid")
wait $daemon_pid || die "dayshiftd failed"
wait $ping_pid
sleep 1
kill -INT $tcpdump_pid
wait $tcpdump_pid || true
pids=()

step "judging what arrived"
# Everything but the ping and the ARP that the far end asked for itself.
tcpdump -r "$work/captured.pcap" -w "$work/played.pcap" 'not arp and not host 198.18.0.250' 2>/dev/null
"$dayshiftd" -q -j -c "$work/quickstart.conf" -w "$work/written.pcap" >"$work/written.json"
seq 1 "$hosts" | sed 's/^/198.18.0./' >"$work/hosts.txt"
"$dayshift" learn -q --hosts "$work/hosts.txt" -o "$work/relearned.dsm" "$work/played.pcap"

bytes_of() { tcpdump -r "$1" -t -n -xx 2>/dev/null | grep '0x' | sha256sum | cut -c 1-12; }
count_of() { tcpdump -r "$1" --count 2>/dev/null | awk '{ print $1 }'; }
sessions() { # TCP sessions with SYN, SYN-ACK and a FIN from both sides
    tshark -r "$1" -Y 'tcp.flags.syn == 1 || tcp.flags.fin == 1' -T fields -e tcp.stream \
        -e tcp.flags.syn -e tcp.flags.ack -e tcp.srcport 2>/dev/null |
        awk '$2 == 1 { syn[$1 " " $3] = 1; seen[$1] = 1 }
             $2 == 0 && !(($1, $4) in fin) { fin[$1, $4] = 1; fins[$1]++ }
             END { for (s in seen) n += syn[s " 0"] && syn[s " 1"] && fins[s] == 2; print n + 0 }'
}

report=$work/report.json
sent=$(json sent "$report")
answers=0
for kind in arp_answers nd_answers echo_answers resets unreachable unasked; do
    answers=$(( answers + $(json $kind "$report") ))
done
printf '\n'
figure "hosts learned and played" "$hosts"
figure "of these, seen at the far end" "$("$dayshift" compare --json "$work/sample.dsm" \
    "$work/relearned.dsm" | awk -F': *|,' '/"silent"/ { silent = $2 } END { print '"$hosts"' - silent }')"
figure "flows planned" "$(json flows "$report")"
check "frames planned = sent + dropped + refused" "$(json planned "$report")" \
    $(( sent + $(json dropped "$report") + $(json refused "$report") ))
check "frames sent, dropped: none" "$(json dropped "$report")" 0
check "frames captured at the far end = sent" "$(count_of "$work/played.pcap")" "$sent"
check "interface counted = sent + answers, probes ($answers)" "$(json interface_packets "$report")" \
    $(( sent + answers ))
check "SHA-256 of the frames captured = of those -w writes" "$(bytes_of "$work/played.pcap")" \
    "$(bytes_of "$work/written.pcap")"
check "pings answered by a virtual host, of 3" "$(grep -c 'bytes from' "$work/ping.txt")" 3
figure "frames were late by, median" "$(us "$(json p50 "$report")")"
figure "frames were late by, 99 of 100 less than" "$(us "$(json p99 "$report")")"
# Wireshark does not rejoin a header that two segments share, as a small SSH message can.
malformed=$(frames "$work/played.pcap" _ws.malformed)
check "tshark: malformed frames beyond one in 10,000" $(( malformed > (sent + 9999) / 10000 ? malformed : 0 )) 0
check "tshark: wrong checksums" "$(frames "$work/played.pcap" \
    'ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0 || icmp.checksum.status == 0')" 0
check "tshark: retransmissions = those the model asked for" \
    "$(frames "$work/played.pcap" tcp.analysis.retransmission)" "$(json repeated_syns "$report")"
check "tshark: out of order, lost or unseen segments" "$(frames "$work/played.pcap" \
    'tcp.analysis.out_of_order || tcp.analysis.lost_segment || tcp.analysis.ack_lost_segment')" 0
check "tshark: TCP sessions opened and closed = planned" "$(sessions "$work/played.pcap")" \
    "$(json complete_tcp "$report")"
mkdir "$work/nfcapd"
nfpcapd -r "$work/played.pcap" -w "$work/nfcapd" >"$work/nfpcapd.txt" 2>&1 || true
nfdump -R "$work/nfcapd" -I >"$work/nfdump.txt" 2>&1 || true
figure "nfdump: flows (each way counts, a ping each)" "$(awk '/^Flows:/ { print $2 }' "$work/nfdump.txt")"
figure "nfdump: packets" "$(awk '/^Packets:/ { print $2 }' "$work/nfdump.txt")"

printf '\nDomain checks, shares of TCP flows (sample, then played):\n'
"$dayshift" check "$sample" >"$work/check-sample.txt"
"$dayshift" check "$work/played.pcap" >"$work/check-played.txt"
paste <(head -n 7 "$work/check-sample.txt") <(head -n 7 "$work/check-played.txt") |
    awk -F'\t' '{ print "  " $1 substr($2, 41) }'

printf '\nThe model against one learned from what was captured (most used states of each host):\n'
printf '  (flows learned and relearned; Jensen-Shannon divergence of the shares of states; distance of ln packets)\n'
"$dayshift" compare "$work/sample.dsm" "$work/relearned.dsm" | tee "$work/compare.txt" | sed 's/^/  /'

[ $failed = 0 ] && printf '\nEverything agrees. --keep DIR keeps the captures; README says how to go on.\n' || printf '\nSomething does not agree; see above.\n'
exit $failed
