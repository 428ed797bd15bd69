#!/bin/bash
# Each sink alone on a link of its own: two network namespaces made here, joined by a veth pair. Whatever happens to the
# link: what the sink says it sent is what the interface counted and what the peer captured, byte for byte, in order.
# Nothing leaves the namespaces. Needs root; exits with 77 (skipped) where that cannot be had.
#
#     tests/test_sinks.sh                from the build directory
#     DAYSHIFT_HELPERS=directory ...     another place for the helper programs
set -u

helpers=${DAYSHIFT_HELPERS:-tests}
# shellcheck source=tests/link.sh
. "$(dirname "$0")/link.sh"
drops_are_told=yes

value_of()
{
    sed -n "s/^$1=//p" "$scratch/probe.out"
}

# start_capture [TCPDUMP'S ARGUMENT...]
start_capture()
{
    check "tcpdump starts" capture_frames "$space_b" "$link_b" "$scratch/capture.pcap" "$scratch/capture.err" "$@" udp
    tcpdump_pid=$capture_pid
}

end_capture()
{
    stop_process "$tcpdump_pid"
    tcpdump_pid=
    captured="tcpdump: $(grep 'dropped by kernel' "$scratch/capture.err")"
}

# start_probe SINK FRAMES TOGETHER GAP_US LONGEST: until its sink is open
start_probe()
{
    mkfifo "$scratch/begin" 2>/dev/null
    : > "$scratch/probe.out"
    ip netns exec "$space_a" "$helpers/sink_probe" "$link_a" "$@" "$scratch/sent.pcap" \
        <> "$scratch/begin" > "$scratch/probe.out" 2> "$scratch/probe.err" &
    probe_pid=$!
    wait_for 10 contains "$scratch/probe.out" "^ready"
}

let_send()
{
    echo > "$scratch/begin"
}

end_probe()
{
    wait "$probe_pid"
    probe_status=$?
    probe_pid=
}

same_capture()
{
    "$helpers/same_frames" "$scratch/sent.pcap" "$scratch/capture.pcap" > "$scratch/same.out" 2>&1
}

# check_run WHAT SENT LOST: so many were sent, and so many not; "-" for some
check_run()
{
    local what=$1 lost

    wait_for 10 same_capture
    end_capture
    lost=$(($(value_of lost) + $(value_of tired)))
    echo "     $what: $(value_of sent) sent, $lost not, busy $(value_of busy) times; $(cat "$scratch/same.out"); $captured"
    check "the interface counted what was sent" [ "$(value_of interface)" = "$(value_of sent)" ]
    check "it arrived, in order" same_capture
    check "nothing is held at the end" [ "$(value_of held)" = 0 ]
    if [ "$2" = - ]; then
        check "some were sent" [ "$(value_of sent)" -gt 0 ]
        check "some were not" [ "$lost" -gt 0 ]
    else
        check "$2 were sent" [ "$(value_of sent)" = "$2" ]
        check "$3 were not" [ "$lost" = "$3" ]
    fi
}

# check_sending SINK TOGETHER LONGEST
check_sending()
{
    start_capture -s "$(($3 + 18))" -B $((65536 + 16 * $3)) # the whole run, should tcpdump have to wait for a processor
    check "sink $1 opens" start_probe "$1" 5000 "$2" 100 "$3"
    let_send
    end_probe
    check "it ends well" [ $probe_status = 0 ]
    check_run "$1, $2 together, of up to $3 bytes" 5000 0
}

# --- the other end takes short frames alone: the driver drops the others, and says so ---

# Of lengths 60 + 37 i mod 1455 those up to 1018 bytes: an MTU of 1000, 14 bytes, and 4 for a VLAN.
short_frames()
{
    local i short=0

    for ((i = 0; i < 2000; i++)); do
        ((60 + 37 * i % 1455 > 1018)) || short=$((short + 1))
    done
    echo $short
}

check_drops()
{
    local short

    short=$(short_frames)
    in_b ip link set "$link_b" mtu 1000
    start_capture
    check "sink $1 opens" start_probe "$1" 2000 "$2" 20 1514
    let_send
    end_probe
    in_b ip link set "$link_b" mtu 1500
    check "it ends well" [ $probe_status = 0 ]
    if [ "$(value_of sent)" = 2000 ]; then
        drops_are_told=no # veth before Linux 6.9
        end_capture
        echo "SKIP: this kernel does not tell of frames that the driver dropped"
        return
    fi
    check_run "$1, $2 together, long ones dropped" "$short" $((2000 - short))
}

# --- things that happen in mid-run ---

# flap SPACE LINK: down and up again, some times; the probe begins in the first of them, so that it meets one at least
flap()
{
    local i

    for i in 1 2 3 4 5; do
        ip -n "$1" link set "$2" down
        [ $i -gt 1 ] || let_send
        sleep 0.05
        ip -n "$1" link set "$2" up
        sleep 0.05
    done
}

check_down()
{
    start_capture
    check "sink $1 opens" start_probe "$1" 20000 16 600 1514
    flap "$space_a" "$link_a"
    end_probe
    check "it outlives an interface that is down for a while" [ $probe_status = 0 ]
    check_run "$1, down and up" - -
}

check_no_carrier()
{
    start_probe "$1" 100000 64 0 1514 || check "sink $1 opens" false
    flap "$space_b" "$link_b"
    end_probe
    check "sink $1 outlives a lost carrier" [ $probe_status = 0 ]
    # Who captures sees nothing of what arrives while his end is down.
    check "the interface counted what was sent" [ "$(value_of interface)" = "$(value_of sent)" ]
    check "some were not" [ "$(value_of tired)" -gt 0 ]
}

check_small_mtu()
{
    # AF_XDP compares with no MTU: the other end does, which drops what is too long.
    [ "$1" != xdp ] || [ $drops_are_told = yes ] || return
    start_capture
    check "sink $1 opens" start_probe "$1" 20000 16 600 1514
    let_send
    sleep 0.1
    in_a ip link set "$link_a" mtu 1280
    in_b ip link set "$link_b" mtu 1280
    end_probe
    in_a ip link set "$link_a" mtu 1500
    in_b ip link set "$link_b" mtu 1500
    check "it outlives an MTU made smaller" [ $probe_status = 0 ]
    check_run "$1, MTU 1280 in mid-run" - -
}

check_large_mtu()
{
    local mtu=9000

    if [ "$1" = xdp ]; then # a frame has to fit a chunk of its memory
        in_a ip link set "$link_a" mtu 2031
        check "sink xdp refuses an MTU of 2031" [ "$(start_probe xdp 1 1 100 1514 > /dev/null 2>&1; echo $?)" != 0 ]
        mtu=2030
    fi
    in_a ip link set "$link_a" mtu $mtu
    in_b ip link set "$link_b" mtu $mtu
    check_sending "$1" 64 $((mtu + 14))
    in_a ip link set "$link_a" mtu 1500
    in_b ip link set "$link_b" mtu 1500
}

check_gone()
{
    start_probe "$1" 100000 16 200 1514 || check "sink $1 opens" false
    let_send
    sleep 0.1
    ip -n "$space_a" link del "$link_a"
    end_probe
    make_link
    check "sink $1 fails when the interface is gone" [ $probe_status = 1 ]
    check "     in one line" [ "$(wc -l < "$scratch/probe.err")" = 1 ]
    check "     that says so" contains "$scratch/probe.err" "the interface is gone"
}

# --- the other end's kernel falls behind: another processor receives, for many, and its queue fills up ---

# all_captured FRAMES: counted by the first of those who capture
all_captured()
{
    [ "$(tcpdump -nr "$scratch/capture.pcap" 2>/dev/null | wc -l)" = "$1" ]
}

check_full_queue()
{
    local queue=/sys/class/net/$link_b/queues/rx-0/rps_cpus i

    [ "$(nproc)" -gt 1 ] && in_b test -e "$queue" || return
    in_b sh -c "echo 1 > $queue"
    start_capture -s 64
    for i in 1 2 3 4 5 6 7; do
        ip netns exec "$space_b" tcpdump -i "$link_b" -s 64 -w /dev/null udp 2>/dev/null &
        other_pids="$other_pids $!"
    done
    sleep 1
    start_probe "$1" 200000 64 0 1514 || check "sink $1 opens" false
    let_send
    end_probe
    wait_for 10 all_captured "$(value_of sent)"
    stop_others
    end_capture
    in_b sh -c "echo 0 > $queue"
    echo "     $1, a queue that fills up: $(value_of sent) sent, $(value_of tired) not, busy $(value_of busy) times; $captured"
    check "the interface counted what was sent" [ "$(value_of interface)" = "$(value_of sent)" ]
    check "it arrived" all_captured "$(value_of sent)"
}

# --- the kernel's stamps ---

check_stamps()
{
    start_probe packet 4000 1 500 1514 || check "sink packet opens" false
    let_send
    end_probe
    echo "     stamps: $(value_of stamps), $(value_of missing) missing, $(value_of strange) strange;" \
        "late $(value_of late_p50_ns) ns (median), $(value_of late_max_ns) ns at most"
    check "the kernel stamped a sample" [ "$(value_of stamps)" -ge 10 ]
    check "not every frame" [ "$(value_of stamps)" -le 200 ]
    check "each stamp of its frame" [ "$(($(value_of missing) + $(value_of strange)))" = 0 ]
}

check_sink()
{
    check_sending "$1" 1 1514
    check_sending "$1" 64 1514
    check_drops "$1" 1
    check_drops "$1" 64
    check_down "$1"
    check_no_carrier "$1"
    [ $drops_are_told = no ] || check_full_queue "$1"
    check_small_mtu "$1"
    check_large_mtu "$1"
    check_gone "$1"
}

link_set_up tcpdump
check_sink packet
check_sink libnet
check_stamps
if start_probe xdp 0 1 0 60; then
    let_send
    end_probe
    check_sink xdp
else
    end_probe
    echo "SKIP: no AF_XDP here: $(cat "$scratch/probe.err")"
fi
echo "$failures failed"
[ "$failures" = 0 ]
