#!/bin/bash
# Virtual hosts and a real neighbour: a Linux host in a namespace of its own pings them, connects to them and scans them,
# and has an address that one of them wants. Nothing leaves the namespaces made here. Needs root; exits with 77 (skipped)
# where that cannot be had.
#
#     tests/test_neighbours.sh            from the build directory
#     EMIT_LINK_PROBE=path ...            another place for the helper program
set -u

probe=${EMIT_LINK_PROBE:-tests/emit_link_probe}
dayshift=${DAYSHIFT:-$PWD/dayshift}
dayshiftd=${DAYSHIFTD:-$PWD/dayshiftd}
source_dir=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=tests/link.sh
. "$(dirname "$0")/link.sh"

set_up()
{
    link_set_up ping tcpdump setpriv
    chmod 755 "$scratch"
    mkfifo "$scratch/end"
    cp "$dayshiftd" "$scratch/dayshiftd"
    in_b ip address add 198.19.0.1/15 dev "$link_b"
    if [ -e /proc/sys/net/ipv6 ]; then
        in_b sh -c "echo 0 > /proc/sys/net/ipv6/conf/$link_b/disable_ipv6"
        in_b ip address add 2001:2::100/64 dev "$link_b" nodad
    fi
}

value_of()
{
    sed -n "s/^$1=//p" "$scratch/probe.out"
}

# --- with the answers of the stage emit alone ---

start_probe()
{
    : > "$scratch/probe.out"
    ip netns exec "$space_a" "$probe" "$link_a" 0 0 60 > "$scratch/probe.out" 2>&1 <> "$scratch/end" &
    probe_pid=$!
    wait_for 10 contains "$scratch/probe.out" "^ready"
}

end_probe()
{
    echo > "$scratch/end"
    check_end "the probe ends well"
}

# pings ADDRESS [OPTION...]: three of three
pings()
{
    in_b ping -n -c 3 -i 0.2 -W 2 "$@" > "$scratch/ping.out" 2>&1 && contains "$scratch/ping.out" "3 received"
}

# The Windows half of the hosts has other times to live.
check_pings()
{
    local address=$1 other=$2

    check "$address answers pings" pings "$address"
    check "     as Linux" contains "$scratch/ping.out" "ttl=64"
    check "$other answers pings" pings "$other"
    check "     as Windows" contains "$scratch/ping.out" "ttl=128"
    check "$address answers a long one" pings "$address" -s 1400
}

# refuses_tcp ADDRESS: at once, not after a second
refuses_tcp()
{
    ip netns exec "$space_b" timeout 1 bash -c "< /dev/tcp/$1/80" 2> "$scratch/tcp.err"
    contains "$scratch/tcp.err" "refused"
}

# The error of ICMP comes with the second datagram.
refuses_udp()
{
    ip netns exec "$space_b" bash -c "exec 3<> /dev/udp/$1/9; for i in 1 2 3; do echo >&3; sleep 0.1; done" \
        2> "$scratch/udp.err"
    contains "$scratch/udp.err" "refused"
}

# neighbours_are ADDRESS-PREFIX: of hosts 1, 3 and 7, each its own MAC address
neighbours_are()
{
    local host

    for host in 1 3 7; do
        in_b ip neighbour show "$1$host" > "$scratch/neighbour.out"
        contains "$scratch/neighbour.out" "02:d5:00:00:00:0$host" || return 1
    done
}

arpings()
{
    in_b timeout 5 arping -c 2 -I "$link_b" "$1" > "$scratch/arping.out" 2>&1
    contains "$scratch/arping.out" "$2"
}

check_answers()
{
    check "the probe gets ready" start_probe
    check_pings 198.18.0.1 198.18.0.7
    check "TCP is refused" refuses_tcp 198.18.0.3
    check "UDP is refused" refuses_udp 198.18.0.3
    check "each host has its MAC address" neighbours_are 198.18.0.
    if command -v arping > /dev/null; then
        check "arping gets it" arpings 198.18.0.9 02:d5:00:00:00:09
    fi
    if [ -e /proc/sys/net/ipv6 ]; then
        check_pings 2001:2::1 2001:2::7
        check "TCP of IPv6 is refused" refuses_tcp 2001:2::3
        check "UDP of IPv6 is refused" refuses_udp 2001:2::3
        check "each host has its MAC address" neighbours_are 2001:2::
        check "one that is nobody's has none" does_not_ping 2001:2::b
        check "a host that wants its address finds it taken" is_duplicate 2001:2::5
    fi
    check "an address that is nobody's has none" does_not_ping 198.18.0.11
    check_nmap
    check_claim
    end_probe
    check "resets were counted" [ "$(value_of resets)" -ge 2 ]
    check "and errors" [ "$(value_of unreachable)" -ge 2 ]
    check "and advertisements" [ "$(value_of nd_answers)" -ge 3 -o ! -e /proc/sys/net/ipv6 ]
    check "and one conflict" [ "$(value_of conflicts)" = 1 ]
}

does_not_ping()
{
    ! in_b ping -n -c 1 -W 1 "$@" > "$scratch/ping.out" 2>&1
}

# Detection of duplicate addresses (RFC 4862), by the kernel.
is_duplicate()
{
    in_b ip address add "$1/64" dev "$link_b"
    wait_for 5 duplicate_is_found "$1"
    local found=$?
    in_b ip address del "$1/64" dev "$link_b"
    return $found
}

duplicate_is_found()
{
    in_b ip address show dev "$link_b" > "$scratch/address.out"
    grep -q "$1/64.*dadfailed" "$scratch/address.out"
}

# Somebody takes the address of host 4 and says so.
check_claim()
{
    command -v arping > /dev/null || return
    in_b ip address add 198.18.0.4/32 dev "$link_b"
    in_b timeout 5 arping -U -c 3 -I "$link_b" 198.18.0.4 > /dev/null 2>&1
    in_b ip address del 198.18.0.4/32 dev "$link_b"
}

nmap_says()
{
    local count=$1 pattern=$2
    shift 2
    in_b timeout 60 nmap -n --max-retries 2 "$@" > "$scratch/nmap.out" 2>&1
    [ "$(grep -c "$pattern" "$scratch/nmap.out")" = "$count" ]
}

check_nmap()
{
    command -v nmap > /dev/null || return
    check "nmap finds ten hosts" nmap_says 10 "Host is up" -sn 198.18.0.1-20
    check "their ports are closed" nmap_says 10 "100 closed tcp ports (reset)" -sS -F --reason 198.18.0.1-20
    check "and none of UDP is open or filtered" nmap_says 10 "closed discard" -sU -p 9 198.18.0.1-20
    check "protocols of IP that nobody speaks too" nmap_says 1 "132 *closed" -sO -p 132 198.18.0.8
    check "nmap takes a host for Windows" nmap_says 1 "^Aggressive OS guesses: Microsoft Windows\|^OS details: Microsoft Windows" \
        -O --osscan-guess 198.18.0.8
    [ -e /proc/sys/net/ipv6 ] || return
    check "ports of IPv6 are closed" nmap_says 3 "100 closed tcp ports (reset)" -6 -sS -F --reason 2001:2::1 2001:2::4 2001:2::7
}

# --- with dayshiftd: what it does before the first frame ---

# configure LINE...
configure()
{
    printf '%s\n' "interface = \"$link_a\";" 'control = "";' 'duration = "2s";' 'probe_seconds = 0.6;' "$@" \
        > "$scratch/run.conf"
}

play()
{
    ip netns exec "$space_a" timeout 60 "$scratch/dayshiftd" --json -c "$scratch/run.conf" \
        > "$scratch/report" 2> "$scratch/words" < /dev/null
}

start_tcpdump()
{
    capture_frames "$space_b" "$link_b" "$scratch/wire.pcap" "$scratch/capture.err" || return 1
    tcpdump_pid=$capture_pid
}

end_tcpdump()
{
    sleep 0.3
    stop_process "$tcpdump_pid"
    tcpdump_pid=
}

# in_wire EXPRESSION: frames
in_wire()
{
    tcpdump -nr "$scratch/wire.pcap" "$1" 2> /dev/null | wc -l
}

in_report()
{
    sed -n "s/^ *\"$1\": *\([0-9]*\).*/\1/p" "$scratch/report"
}

# Every frame that left is a frame of a session, an answer, or one that was sent unasked.
all_is_counted()
{
    local key sum=0

    for key in sent unasked arp_answers nd_answers echo_answers resets unreachable; do
        sum=$((sum + $(in_report $key)))
    done
    [ "$sum" = "$(in_report interface_packets)" ]
}

players()
{
    echo "populations = ( { model = \"$scratch/sample.dsm\"; network = \"198.18.0.0/24\"; hosts = $1; $2 } );"
}

probes_come_first()
{
    local first

    first=$(tcpdump -nr "$scratch/wire.pcap" 'ip and src net 198.18.0.0/24' 2> /dev/null | head -n 1 | cut -d ' ' -f 1)
    [ -n "$first" ] || return
    tcpdump -nr "$scratch/wire.pcap" 'arp and src host 0.0.0.0' 2> /dev/null | tail -n 1 |
        awk -v first="$first" '{ exit !($1 < first) }'
}

check_probe_and_announcement()
{
    in_b ip address flush dev "$link_b"
    in_b ip address add 198.18.0.200/24 dev "$link_b"
    configure "$(players 20 '')"
    check "tcpdump starts" start_tcpdump
    check "a run with addresses that are free" play
    end_tcpdump
    check "three probes for each host" [ "$(in_wire 'arp and src host 0.0.0.0')" = 60 ]
    check "before the first frame" probes_come_first
    check "one announcement for each host" [ "$(in_wire 'arp[6:2] = 1 and arp[14:4] = arp[24:4]')" = 20 ]
    check "by the MAC address of the host" [ "$(in_wire 'ether src 02:d5:c6:12:00:07 and arp[14:4] = 0xc6120007')" -ge 1 ]
    check "which were counted" [ "$(in_report unasked)" = 80 ]
    check "as the interface did" all_is_counted

    configure 'probe = false;' 'announce = false;' "$(players 20 '')"
    check "a run without" play
    check "sends nothing unasked" [ "$(in_report unasked)" = 0 ]
}

check_conflict()
{
    in_b ip address add 198.18.0.7/24 dev "$link_b"
    configure "$(players 20 '')"
    refuses "an address that is in use" "198.18.0.7 ("
    check "     its MAC address" contains "$scratch/words" "$(in_b cat "/sys/class/net/$link_b/address")"
    check "     and the link" contains "$scratch/words" "on $link_a"
    in_b ip address del 198.18.0.7/24 dev "$link_b"
}

# refuses WHAT TEXT: the run, in one line with that text
refuses()
{
    play
    check "$1 ends the run" [ $? = 1 ]
    check "     which says so" contains "$scratch/words" "$2"
    check "     in one line" [ "$(wc -l < "$scratch/words")" = 1 ]
    sed 's/^/     /' "$scratch/words"
}

# Both families at once: what the neighbour has is found by its advertisement.
check_ipv6()
{
    [ -e /proc/sys/net/ipv6 ] || return
    configure "$(players 20 'network6 = "2001:2::/64";')"
    check "tcpdump starts" start_tcpdump
    check "a run with addresses of both families" play
    end_tcpdump
    check "three probes for each IPv6 address" [ "$(in_wire 'ip6 src host :: and ip6[40] = 135 and ether src 02:d5:c6:12:00:07')" = 3 ]
    check "20 announcements" [ "$(in_wire 'ip6 dst host ff02::1 and ip6[40] = 136 and ip6 src net 2001:2::/64')" = 20 ]
    check "which were counted" [ "$(in_report unasked)" = 160 ]
    check "as the interface did" all_is_counted
    in_b ip address add 2001:2::7/64 dev "$link_b" nodad
    refuses "an IPv6 address that is in use" "2001:2::7 ("
    in_b ip address del 2001:2::7/64 dev "$link_b"
}

# to_gateway FILTER: all that goes outside goes to the neighbour's MAC address, and there is something
to_gateway()
{
    local mac

    mac=$(in_b cat "/sys/class/net/$link_b/address")
    [ "$(in_wire "$1 and ether dst $mac")" -gt 0 ] && [ "$(in_wire "$1 and not ether dst $mac")" = 0 ]
}

check_gateways()
{
    in_b ip address add 198.18.0.254/24 dev "$link_b"
    configure "$(players 20 'gateway = "198.18.0.254";')" 'start = "10:00";' 'speed = 50;'
    check "tcpdump starts" start_tcpdump
    check "a run behind a gateway" play
    end_tcpdump
    check "frames for the outside go to it" to_gateway 'src net 198.18.0.0/24 and dst net 198.19.0.0/16'
    configure "$(players 20 'gateway = "198.18.0.253";')"
    refuses "a gateway that is not there" "no answer from gateway 198.18.0.253 on $link_a"
    check_outside_gateway
    [ -e /proc/sys/net/ipv6 ] || return
    configure "$(players 20 'network6 = "2001:2::/64"; gateway = "2001:2::100"; ipv6 = 1.0;')" 'start = "10:00";' 'speed = 50;'
    in_b ip address add 2001:2::100/64 dev "$link_b" nodad
    check "tcpdump starts" start_tcpdump
    check "a run behind a gateway of IPv6" play
    end_tcpdump
    check "frames for the outside go to it" to_gateway 'src net 2001:2::/64 and dst net 2001:2:0:8000::/49'
}

# Who asks for it from outside has an address that is free: not the first two, which the neighbour has.
check_outside_gateway()
{
    in_b ip address add 198.19.0.1/24 dev "$link_b"
    in_b ip address add 198.19.0.2/24 dev "$link_b"
    in_b ip address add 198.19.0.254/24 dev "$link_b"
    configure "$(players 20 '')" 'outside_gateway = "198.19.0.254";' 'max_packets_per_second = 100;'
    check "tcpdump starts" start_tcpdump
    check "a run with a gateway of the outside" play
    end_tcpdump
    check "asks for it from an address that is free" \
        [ "$(in_wire 'arp[6:2] = 1 and arp[14:4] = 0xc6130003 and arp[24:4] = 0xc61300fe')" -ge 1 ]
    check "     which was probed" [ "$(in_wire 'arp src host 0.0.0.0 and arp[24:4] = 0xc6130003')" = 3 ]
    check "     and from none that somebody has" \
        [ "$(in_wire 'ether src 02:d5:00:00:00:01 and (arp[14:4] = 0xc6130001 or arp[14:4] = 0xc6130002)')" = 0 ]
    check "     nor is one of them a conflict" [ "$(in_report conflicts)" = 0 ]
    check "     as the interface counted" all_is_counted
    in_b ip address del 198.19.0.254/24 dev "$link_b"
    in_b ip address del 198.19.0.2/24 dev "$link_b"
    in_b ip address del 198.19.0.1/24 dev "$link_b"
}

# A switch that sends back what is for all is no conflict.
check_loop()
{
    local answers

    in_b ip link add dsbridge type bridge 2> /dev/null || return
    in_b ip link set dsbridge up
    in_b ip link set "$link_b" master dsbridge
    in_b ip link set "$link_b" type bridge_slave hairpin on
    check "tcpdump starts" start_tcpdump
    configure "$(players 20 '')"
    check "a run whose own frames come back" play
    end_tcpdump
    check "     which they do" [ "$(in_wire 'arp and src host 0.0.0.0')" = 120 ]
    check "     has no conflict" [ "$(in_report conflicts)" = 0 ]
    for answers in resets unreachable echo_answers; do
        check "     and sends itself no $answers" [ "$(in_report $answers)" = 0 ]
    done
    in_b ip link del dsbridge
}

# Each system by its time to live.
check_systems()
{
    local row

    for row in linux:64 windows:128 macos:64 router:255; do
        configure 'announce = false;' 'probe = false;' 'duration = "20s";' "$(players 20 "os = \"${row%:*}\";")"
        sed -i '3d' "$scratch/run.conf" # the other duration
        ip netns exec "$space_a" "$scratch/dayshiftd" -q -c "$scratch/run.conf" > "$scratch/report" 2> "$scratch/words" &
        probe_pid=$!
        check "a host of ${row%:*} answers pings" wait_for 20 pings 198.18.0.5
        check "     with its time to live" contains "$scratch/ping.out" "ttl=${row#*:}"
        stop_process "$probe_pid"
        probe_pid=
    done
}

# Said once, whatever often it is claimed.
check_claim_in_a_run()
{
    command -v arping > /dev/null || return
    configure 'probe = false;' 'announce = false;' "$(players 20 '')"
    sed -i 's/duration = .*/duration = "60s";/' "$scratch/run.conf"
    ip netns exec "$space_a" "$scratch/dayshiftd" --json -c "$scratch/run.conf" > "$scratch/report" 2> "$scratch/words" &
    probe_pid=$!
    check "a host answers" wait_for 20 pings 198.18.0.5
    in_b ip address add 198.18.0.6/32 dev "$link_b"
    in_b timeout 5 arping -U -c 3 -I "$link_b" 198.18.0.6 > /dev/null 2>&1
    in_b ip address del 198.18.0.6/32 dev "$link_b"
    check "an address that somebody takes meanwhile is said" wait_for 5 contains "$scratch/words" "somebody else has the address 198.18.0.6"
    kill -INT "$probe_pid"
    check_end "     and no end of the run"
    check "     once" [ "$(wc -l < "$scratch/words")" = 1 ]
    check "     and counted" [ "$(in_report conflicts)" = 1 ]
}

# An address that was taken during the run does not end it when it is reloaded.
check_claim_and_reload()
{
    configure "$(players 20 '')"
    sed -i 's/duration = .*/duration = "60s";/' "$scratch/run.conf"
    ip netns exec "$space_a" "$scratch/dayshiftd" --json -c "$scratch/run.conf" > "$scratch/report" 2> "$scratch/words" &
    probe_pid=$!
    check "a host answers" wait_for 20 pings 198.18.0.5
    in_b ip address add 198.18.0.6/32 dev "$link_b"
    kill -HUP "$probe_pid"
    check "an address that is in use after a reload is said" \
        wait_for 20 contains "$scratch/words" "somebody else has the address 198.18.0.6"
    check "     and the run goes on" wait_for 10 pings 198.18.0.5
    in_b ip address del 198.18.0.6/32 dev "$link_b"
    kill -INT "$probe_pid"
    check_end "     to a good end"
    check "     without a restart after a failure" [ "$(in_report restarts)" = 0 ]
    check "     and it was counted" [ "$(in_report conflicts)" = 1 ]
    sed 's/^/     /' "$scratch/words"
}

set_up
check_answers
"$dayshift" learn -q -o "$scratch/sample.dsm" "$source_dir"/contrib/sample.pcap.* || exit 1
check_probe_and_announcement
check_conflict
check_ipv6
check_gateways
check_loop
check_systems
check_claim_in_a_run
check_claim_and_reload
echo "$failures failed"
[ "$failures" = 0 ]
