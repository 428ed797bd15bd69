#!/bin/bash
# The stage emit on a link of its own: two network namespaces made here, joined by a veth pair.
# Nothing leaves them. Needs root; exits with 77 (skipped) where that cannot be had.
#
#     tests/test_emit_link.sh            from the build directory
#     EMIT_LINK_PROBE=path ...           another place for the helper program
set -u

probe=${EMIT_LINK_PROBE:-tests/emit_link_probe}
# shellcheck source=tests/link.sh
. "$(dirname "$0")/link.sh"

set_up()
{
    link_set_up ping tcpdump setpriv
    chmod 755 "$scratch" || exit 1
    cp "$probe" "$scratch/probe" || exit 1 # where an unprivileged user can run it
    chmod 755 "$scratch/probe"
    in_b ip address add 198.19.0.1/15 dev "$link_b"
}

# --- what was sent is what the interface counted is what arrived ---

value_of()
{
    sed -n "s/^$1=//p" "$scratch/probe.out"
}

captured()
{
    tcpdump -nr "$scratch/capture.pcap" "udp and src net 198.18.0.0/24" 2>/dev/null | wc -l
}

all_captured()
{
    [ "$(captured)" = "$(value_of sent)" ]
}

start_tcpdump()
{
    capture_frames "$space_b" "$link_b" "$scratch/capture.pcap" "$scratch/capture.err" || return 1
    tcpdump_pid=$capture_pid
}

# check_sending FRAMES GAP_US
check_sending()
{
    check "tcpdump starts" start_tcpdump
    in_a "$scratch/probe" "$link_a" "$1" "$2" 0 > "$scratch/probe.out" 2>&1 < /dev/null
    check "the probe ends well" [ $? = 0 ]
    wait_for 10 all_captured
    stop_process "$tcpdump_pid"
    tcpdump_pid=
    check "$1 frames $2 us apart: all planned" [ "$(value_of planned)" = "$1" ]
    check "all sent" [ "$(value_of sent)" = "$1" ]
    check "the interface counted them" [ "$(value_of interface)" = "$(value_of sent)" ]
    check "they arrived" [ "$(captured)" = "$(value_of sent)" ]
    sed -n 's/^late_/     late_/p' "$scratch/probe.out"
}

# --- an interface that goes down and comes back costs frames, not the run ---

check_link_down()
{
    ip netns exec "$space_a" "$scratch/probe" "$link_a" 1500 1000 0 \
        > "$scratch/probe.out" 2>&1 < /dev/null &
    probe_pid=$!
    sleep 0.5
    in_a ip link set "$link_a" down
    sleep 0.3
    in_a ip link set "$link_a" up
    check_end "the run outlives an interface that is down for a while"
    check "all planned" [ "$(value_of planned)" = 1500 ]
    check "some dropped" [ "$(value_of dropped)" -gt 0 ]
    check "the rest sent" [ "$(value_of sent)" = $((1500 - $(value_of dropped))) ]
    check "the interface counted them" [ "$(value_of interface)" = "$(value_of sent)" ]
}

# --- a process that was stopped makes no burst of what it missed ---

check_stall()
{
    ip netns exec "$space_a" "$scratch/probe" "$link_a" 2000 1000 0 \
        > "$scratch/probe.out" 2>&1 < /dev/null &
    probe_pid=$!
    sleep 0.5
    kill -STOP "$probe_pid"
    sleep 2.5
    kill -CONT "$probe_pid"
    check_end "the run outlives a stop of the process"
    check "all sent" [ "$(value_of sent)" = 2000 ]
    check "one stall" [ "$(value_of stalls)" = 1 ]
    check "of about its length" [ "$(value_of stalled_ns)" -gt 2300000000 ]
    check "one frame is late by it" [ "$(value_of late_max_ns)" = "$(value_of stalled_ns)" ]
    check "the others are on time" [ "$(value_of late_p99_ns)" -lt 500000000 ]
}

# --- the virtual hosts answer ---

pings()
{
    in_b ping -n -c 3 -i 0.2 -W 2 "$@" > "$scratch/ping.out" 2>&1
}

does_not_ping()
{
    ! in_b ping -n -c 1 -W 1 "$@" > "$scratch/ping.out" 2>&1
}

neighbour_is()
{
    in_b ip neighbour show "$1" > "$scratch/neighbour.out"
    contains "$scratch/neighbour.out" "$2"
}

arpings()
{
    in_b timeout 5 arping -c 2 -I "$link_b" "$1" > "$scratch/arping.out" 2>&1
    contains "$scratch/arping.out" "$2"
}

check_answers()
{
    mkfifo "$scratch/end" # one line in it ends the probe
    ip netns exec "$space_a" "$scratch/probe" "$link_a" 0 0 30 \
        > "$scratch/probe.out" 2>&1 <> "$scratch/end" &
    probe_pid=$!
    check "the probe gets ready" wait_for 10 contains "$scratch/probe.out" "^ready"
    check "a virtual host answers a ping" pings 198.18.0.3
    check "three of three" contains "$scratch/ping.out" "3 received"
    check "with the time to live of a host" contains "$scratch/ping.out" "ttl=64"
    check "from its own MAC address" neighbour_is 198.18.0.3 02:d5:00:00:00:03
    check "a long ping is answered" pings -s 1472 198.18.0.10
    check "an address that is nobody's is not" does_not_ping 198.18.0.11
    if command -v arping > /dev/null; then
        check "arping gets the MAC address" arpings 198.18.0.7 02:d5:00:00:00:07
    fi
    echo > "$scratch/end"
    check_end "the probe ends well"
    check "it counted its answers to ARP" [ "$(value_of arp_answers)" -ge 2 ]
    check "and to pings" [ "$(value_of echo_answers)" = 6 ]
}

# --- links that are refused ---

# refuses WHAT TEXT COMMAND...: fails, with one line that contains TEXT
refuses()
{
    local what=$1 text=$2
    shift 2
    "$@" > /dev/null 2> "$scratch/refusal" < /dev/null
    check "$what is refused" [ $? = 1 ]
    check "     in one line" [ "$(wc -l < "$scratch/refusal")" = 1 ]
    check "     that says so" contains "$scratch/refusal" "$text"
    sed 's/^/     /' "$scratch/refusal"
}

run_probe_once()
{
    timeout 10 ip netns exec "$space_a" "$scratch/probe" "${1:-$link_a}" 0 0 0
}

check_route()
{
    local what=$1 device=$2
    shift 2
    in_a ip route add "$@" dev "$device"
    refuses "$what" "default route" run_probe_once
    in_a ip route del "$@" dev "$device"
}

# accepts WHAT [LINK]
accepts()
{
    run_probe_once "${@:2}" > /dev/null 2> "$scratch/refusal" < /dev/null
    check "$1 is accepted" [ $? = 0 ]
    sed 's/^/     /' "$scratch/refusal"
}

# A route of several next hops; of these /proc shows but the first.
check_multipath()
{
    in_a ip link add dsother type veth peer name dsother2 || return
    in_a ip link set dsother up
    in_a ip link set dsother2 up
    in_a ip route add default dev dsother
    accepts "a default route elsewhere"
    in_a ip route del default dev dsother
    if in_a ip route add default scope link nexthop dev dsother nexthop dev "$link_a" 2> /dev/null
    then
        refuses "the second next hop of a default route" "default route" run_probe_once
    fi
    in_a ip link del dsother
}

# The frames of a macvlan leave by the wire of the interface under it.
check_macvlan()
{
    in_a ip link add dsmac link "$link_a" type macvlan mode bridge 2> /dev/null || return
    in_a ip link add dsmac2 link "$link_a" type macvlan mode bridge
    in_a ip link set dsmac up
    in_a ip link set dsmac2 up
    accepts "a macvlan" dsmac
    in_a ip route add default dev "$link_a"
    refuses "a default route under a macvlan" "$link_a carries a default route" \
        run_probe_once dsmac
    in_a ip route del default dev "$link_a"
    in_a ip route add default dev dsmac2
    refuses "a default route on a macvlan beside" "dsmac2 carries a default route" \
        run_probe_once dsmac
    in_a ip link del dsmac2
    in_a ip link del dsmac
}

check_refusals()
{
    refuses "a missing interface" "no such interface" run_probe_once nosuch0
    refuses "a name that is too long" "no such interface" run_probe_once a-name-of-20-letters
    in_a ip link set lo up
    refuses "an interface without Ethernet" "no Ethernet" run_probe_once lo

    in_a ip link set "$link_a" down
    refuses "an interface that is down" "is down" run_probe_once
    in_a ip link set "$link_a" up
    in_a ip link set "$link_a" mtu 500
    refuses "a small MTU" "MTU of 500" run_probe_once
    in_a ip link set "$link_a" mtu 1500

    check_route "the default route" "$link_a" default
    check_route "half of a default route" "$link_a" 128.0.0.0/1
    check_route "a default route in another table" "$link_a" default table 100
    check_multipath
    check_macvlan
    if in_a ip link add dsbridge type bridge 2> /dev/null; then
        in_a ip link set dsbridge up
        in_a ip link set "$link_a" master dsbridge
        check_route "a default route on a bridge over the link" dsbridge default
        in_a ip link del dsbridge
    fi
    check_default_v6

    refuses "a user without privilege" "no permission" \
        timeout 10 ip netns exec "$space_a" setpriv --reuid=65534 --regid=65534 --clear-groups \
        --inh-caps=-all --bounding-set=-all "$scratch/probe" "$link_a" 0 0 0
}

check_default_v6()
{
    [ -e /proc/sys/net/ipv6 ] || return
    in_a sh -c "echo 0 > /proc/sys/net/ipv6/conf/$link_a/disable_ipv6"
    if in_a ip -6 route add default dev "$link_a" 2> /dev/null; then
        refuses "the default route of IPv6" "default route" run_probe_once
        in_a ip -6 route del default dev "$link_a"
        in_a ip -6 route add 2000::/3 dev "$link_a" table 100
        refuses "all of the Internet in another table" "default route" run_probe_once
    fi
    in_a sh -c "echo 1 > /proc/sys/net/ipv6/conf/$link_a/disable_ipv6"
}

set_up
check_sending 2000 1000
check_sending 20000 100
check_link_down
check_stall
check_answers
check_refusals
echo "$failures failed"
[ "$failures" = 0 ]
