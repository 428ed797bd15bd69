#!/bin/bash
# Real things between two links: dayshiftd plays in one network namespace, the inside on one link and the outside on
# another; both lead into a second namespace, where a bridge, a firewall or a router of Linux joins them. Nothing
# leaves the two. Needs root; exits with 77 (skipped) where that cannot be had.
#
#     DAYSHIFT=./dayshift DAYSHIFTD=./dayshiftd tests/test_between.sh       from the build directory
set -u

source_dir=${DAYSHIFT_SOURCE:-$(dirname "$0")/..}
dayshift=${DAYSHIFT:-./dayshift}
dayshiftd=${DAYSHIFTD:-./dayshiftd}
helpers=$(dirname "$dayshift")/tests
# shellcheck source=tests/link.sh
. "$(dirname "$0")/link.sh"

set_up()
{
    link_set_up tcpdump bridge nft python3
    link_add_second
    "$dayshift" learn -q -o "$scratch/model.dsm" "$source_dir"/contrib/sample.pcap.* || exit 1
}

# --- a run ---

inside= # more keys of the inside

# configure [LINE]: both links, for some seconds of a busy hour, or as the line says
configure()
{
    printf '%s\n' "links = ( { name = \"inside\"; interface = \"$link_a\"; }, { name = \"outside\"; interface = \"$link_c\"; } );" \
        "populations = ( { model = \"$scratch/model.dsm\"; link = \"inside\"; $inside } ); outside_link = \"outside\";" \
        'start = "2026-03-02 10:00"; impairments = "none"; probe = false; announce = false;' "control = \"$scratch/control\";" \
        "${1:-speed = 100; duration = \"6s\";}" > "$scratch/live.conf"
}

# What comes in on the ends of both links, by the stamps of one clock.
start_captures()
{
    local link

    rm -f "$scratch"/*.words
    for link in "$link_b" "$link_d"; do
        capture_frames "$space_b" "$link" "$scratch/$link.pcap" "$scratch/$link.words" -s 128 -Q in \
            'ip or (ip6 and not (icmp6 and ip6[40] >= 130)) or (vlan and ip)' || return 1 # without neighbours
        other_pids="$other_pids $capture_pid"
    done
}

# Its status is asked for when it has played for a while.
play()
{
    start_captures || return 1
    ip netns exec "$space_a" "$dayshiftd" --json -c "$scratch/live.conf" > "$scratch/report" 2> "$scratch/words" &
    probe_pid=$!
    sleep 5
    "$dayshift" ctl --socket "$scratch/control" status --json > "$scratch/status"
    "$dayshift" ctl --socket "$scratch/control" status > "$scratch/table"
    wait "$probe_pid"
    status=$?
    probe_pid=
    sleep 1
    stop_others
    return "$status"
}

# of FILE EXPRESSION: over the JSON document `d`
of()
{
    python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$scratch/$1" "$2"
}

# says FILE CONDITION
says()
{
    [ "$(of "$1" "bool($2)")" = True ]
}

all_is_captured()
{
    [ "$(of report 'd["sent"]')" = "$(cat "$scratch"/*.words | awk '/packets captured/ { sum += $1 } END { print sum }')" ]
}

has_no_early_reply()
{
    "$helpers/early_replies" "$scratch/$link_b.pcap" "$scratch/$link_d.pcap" > "$scratch/early"
}

check_run()
{
    check "$1: the run ends well" play
    check "$1: nothing is said" [ ! -s "$scratch/words" ]
    cat "$scratch/words"
    check "$1: all is sent" says report 'd["sent"] > 5000 and d["sent"] == d["planned"]'
    check "$1: and captured" all_is_captured
    check "$1: no reply is captured before its request" has_no_early_reply
    check "$1: and there are some" contains "$scratch/early" "of [1-9]"
    check "$1: the status tells of both links" says status 'all("crossed" in link for link in d["links"])'
    echo "     $(cat "$scratch/early"); of $(of report 'd["sent"]') frames $(of report 'd["crossed"]')"
}

nothing_is_missing()
{
    check "$1: all that crossed arrived" says report 'd["crossed"]["missing"] == 0'
    check "$1: in the table too" contains "$scratch/table" "missing  *[0-9]"
}

# --- a bridge ---

set_up_bridge()
{
    in_b ip link add dsbridge type bridge mcast_snooping 0 2> /dev/null || return 1
    in_b ip link set "$link_b" master dsbridge
    in_b ip link set "$link_d" master dsbridge
    in_b ip link set dsbridge up
}

check_bridge()
{
    if ! set_up_bridge; then
        echo "skipped: a bridge, this kernel has none"
        return
    fi
    configure
    check_run bridge
    nothing_is_missing bridge
    inside='vlan = 20;'
    configure 'speed = 100; duration = "6s"; outside_vlan = 20;'
    inside=
    check_run "bridge, in a VLAN"
    nothing_is_missing "bridge, in a VLAN"
    check_strangers
}

# What comes back over the other link is the run's own, also where an overlay has brought addresses that no host has.
check_strangers()
{
    "$dayshift" day -q -o "$scratch/strangers.pcap" --network 10.9.0.0/24 --outside 10.10.0.0/16 --start 10:00 --for 20s \
        "$scratch/model.dsm"
    inside='network = "198.18.0.0/24"; first = "198.18.0.100"; activity = 0.001;'
    configure "duration = \"7s\"; overlays = ( { pcap = \"$scratch/strangers.pcap\"; after = \"1s\"; speed = 10.0;
        map = ( { from = \"10.9.0.0/24\"; to = \"198.18.0.0/24\"; } ); } );"
    inside=
    check "strangers: the run ends well" play
    check "strangers: their frames cross" says report 'd["crossed"]["sent"] > 50 and d["crossed"]["missing"] == 0'
    check "strangers: all of it arrives, and no more" says report 'd["crossed"]["arrived"] == d["crossed"]["sent"]'
    echo "     $(of report '{k: d[k] for k in ("sent", "crossed", "overlay_frames", "refused")}')"
    check "strangers: nobody answers them" says report 'd["resets"] + d["unreachable"] + d["echo_answers"] == 0'
}

# --- a firewall that nobody sees: the bridge, whose packets pass nftables' chains of IP ---

# counted CHAIN: packets of its first counter
counted()
{
    in_b nft list chain inet between "$1" | sed -nE 's/.*counter packets ([0-9]+) .*/\1/p' | head -n 1
}

# Rules that count, from 0.
follow_connections()
{
    in_b nft -f - << 'END' 2> /dev/null
table inet between
delete table inet between
table inet between {
    chain invalid { type filter hook forward priority 0; ct state invalid counter; }
    chain established { type filter hook forward priority 1; ct state established counter; }
    chain dropped { type filter hook forward priority 2; }
}
END
}

# check_connections WHAT: with the rules and the configuration that there are
check_connections()
{
    check_run "$1"
    nothing_is_missing "$1"
    check "$1: it follows the connections" [ "$(counted established)" -gt 1000 ]
    check "$1: no packet is invalid" [ "$(counted invalid)" = 0 ]
    echo "     $(counted established) packets of established connections, $(counted invalid) invalid"
}

check_firewall()
{
    if ! in_b sysctl -qw net.bridge.bridge-nf-call-iptables=1 2> /dev/null || ! follow_connections; then
        echo "skipped: a firewall, this kernel has no connection tracking for bridges"
        return
    fi
    configure
    check_connections firewall
}

# What it drops is missing, to the packet.
check_dropped_port()
{
    in_b nft list table inet between > /dev/null 2>&1 || return
    in_b nft add rule inet between dropped tcp dport 443 counter drop
    configure
    check_run "dropped port"
    check "dropped port: what is dropped is missing" says report "d['crossed']['missing'] == $(counted dropped) > 0"
    check "dropped port: on the link behind the firewall" says status \
        'd["links"][1]["crossed"]["missing"] > 10 > d["links"][0]["crossed"]["missing"]'
    in_b nft flush chain inet between dropped
}

# --- a router: frames go to its MACs, and have another MAC behind it ---

mac_of()
{
    in_b cat "/sys/class/net/$1/address"
}

# It asks for the MACs of those behind it. All of the outside network is theirs, so it has an address of another one.
set_up_router()
{
    in_b ip link del dsbridge 2> /dev/null
    in_b sysctl -qw net.ipv4.ip_forward=1 || return 1
    in_b ip address add 198.18.255.254/16 dev "$link_b"
    in_b ip address add 192.0.2.1/32 dev "$link_d"
    in_b ip route add 198.19.0.0/16 dev "$link_d"
}

set_up_router6()
{
    local link

    for link in "$link_b" "$link_d"; do
        in_b sysctl -qw "net.ipv6.conf.$link.accept_dad=0" "net.ipv6.conf.$link.disable_ipv6=0" 2> /dev/null || return 1
    done
    in_b sysctl -qw net.ipv6.conf.all.forwarding=1 || return 1
    in_b ip address add 2001:2:0:1::ffff/64 dev "$link_b" || return 1
    in_b ip address add 2001:db8::1/128 dev "$link_d"
    in_b ip route add 2001:2:0:8000::/49 dev "$link_d"
}

check_router()
{
    if ! set_up_router || ! follow_connections; then
        echo "skipped: a router, this kernel has no connection tracking"
        return
    fi
    inside="gateway = \"$(mac_of "$link_b")\";"
    configure "speed = 100; duration = \"6s\"; outside_gateway = \"$(mac_of "$link_d")\";"
    check_connections router
    if ! set_up_router6; then
        echo "skipped: a router of IPv6, this kernel has none"
        return
    fi
    follow_connections
    inside="$inside network = \"198.18.0.0/16\"; network6 = \"2001:2:0:1::/64\"; mac = \"02:aa:00:00:00:01\"; ipv6 = 0.7;"
    configure "speed = 100; duration = \"6s\"; outside_gateway = \"$(mac_of "$link_d")\";"
    check_connections "router, IPv6"
    check "router, IPv6: most of it is" [ "$(frames_of 6)" -gt "$(frames_of 4)" ]
    inside=
}

# frames_of VERSION: of IP, that crossed from the inside
frames_of()
{
    tcpdump -nr "$scratch/$link_b.pcap" "ether[14] & 0xf0 = 0x${1}0 and ether dst $(mac_of "$link_b")" 2> /dev/null | wc -l
}

# --- nothing ---

check_no_way()
{
    in_b ip link set "$link_d" nomaster
    configure 'speed = 10; duration = "13s";'
    check "no way: the run ends well" play
    check "no way: it is said" contains "$scratch/words" "$link_c: none of .* frames that other links have sent"
    check "no way: nothing arrived" says report 'd["crossed"]["arrived"] == 0 and d["crossed"]["missing"] == d["crossed"]["sent"]'
}

set_up
check_bridge
check_firewall
check_dropped_port
check_no_way
check_router
echo "$failures failed"
[ "$failures" = 0 ]
