#!/usr/bin/env bats
# dayshiftd live, on a link of its own: two network namespaces made here, joined by a veth pair.
# Nothing leaves them. Needs root.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154 # each test is a subshell; bats and live.bash set and use the rest

setup_file()
{
    load helpers
    load live
    live_setup_file
}

teardown_file()
{
    live_teardown_file
}

setup()
{
    load helpers
    load live
    need_link
    enter_scratch
    live_setup
    unit=$SOURCE/contrib/dayshiftd.service
}

teardown()
{
    live_teardown
}

# ---- what is said is what happens ----

@test "live: planned = sent + dropped + refused = counted by the interface = captured" {
    play 'duration = "5s";'
    start_tcpdump
    start_daemon
    end_of_daemon
    sums_are_right
    report_says 'd["planned"] > 500' True
    report_says 'd["refused"]' 0
    report_says '4.9 < d["seconds"] < 6' True
    report_says 'd["ended"]' "the end of the run"
    end_tcpdump "$(json_value report 'd["sent"]')"
    report_says 'd["sent"]' "$(tcpdump -nr wire.pcap 2> /dev/null | wc -l)"
    [ ! -s words ]
}

@test "live: the frames on the wire are those that -w writes" {
    play 'duration = "5s"; seed = 99;'
    start_tcpdump
    start_daemon
    "$DAYSHIFTD" -q -j -w file.pcap -c live.conf > table
    end_of_daemon
    report_says 'd["dropped"]' 0
    report_says 'd["flows"]' "$(json_value table 'd["flows"]')"
    report_says 'd["sent_bytes"]' "$(json_value table 'd["sent_bytes"]')"
    end_tcpdump "$(json_value table 'd["sent"]')"
    run -0 "$HELPERS/same_frames" file.pcap wire.pcap
    [ "$output" = "$(json_value table 'd["sent"]') frames, all the same" ]
}

@test "live: a signal ends the time before the run, of which nothing is counted" {
    play 'duration = "5s"; lead_in = "30d"; truth = "flows.csv";'
    for signal in TERM INT; do
        start_daemon
        wait_for 5 grep -q "first the 30.0 days before the run are played" words
        sleep 0.5
        kill -"$signal" "$daemon_pid"
        end_of_daemon
        report_says 'd["ended"]' "SIG$signal"
        report_says 'd["planned"] + d["flows"] + d["flows_under_way"] + d["most_live"]' 0
        [ "$(wc -l < flows.csv)" -eq 1 ] # its head
    done
}

@test "live: what is under way at the begin goes on from there, on the wire as with -w" {
    play 'duration = "5s"; seed = 99; lead_in = "10m";'
    start_tcpdump
    start_daemon
    "$DAYSHIFTD" -q -j -w file.pcap -c live.conf > table
    end_of_daemon
    [ "$(cat words)" = "dayshiftd: first the 10.0 minutes before the run are played, without sending" ]
    sums_are_right
    report_says 'd["dropped"] + d["refused"]' 0
    report_says 'd["flows_under_way"] > 2' True
    for key in flows flows_under_way most_live complete_tcp sent_bytes; do
        report_says "d[\"$key\"]" "$(json_value table "d[\"$key\"]")"
    done
    end_tcpdump "$(json_value table 'd["sent"]')"
    run -0 "$HELPERS/same_frames" file.pcap wire.pcap
    [ "$output" = "$(json_value table 'd["sent"]') frames, all the same" ]
}

@test "live: frames leave on time" {
    play 'duration = "3s";'
    start_daemon
    end_of_daemon
    report_says 'd["lateness_ns"]["p50"] < 2e7' True
    report_says 'list(d["lateness_ns"].values()) == sorted(d["lateness_ns"].values())' True
}

@test "live: virtual hosts answer pings and ARP" {
    need ping arping
    ip -n "$far" address add 198.19.0.1/15 dev dsd1
    sent_before=$(in_near cat /sys/class/net/dsd0/statistics/tx_packets)
    play 'duration = "30s";'
    start_daemon
    wait_for_frames
    in_far ping -n -c 3 -i 0.2 -W 2 198.18.0.7
    in_far ping -n -c 1 -W 2 198.18.0.40
    run -1 in_far ping -n -c 1 -W 1 198.18.0.41
    run -0 in_far timeout 5 arping -c 2 -I dsd1 198.18.0.9
    [[ ${output,,} == *02:d5:c6:12:00:09* ]]
    kill -INT "$daemon_pid"
    end_of_daemon
    sums_are_right
    report_says 'd["echo_answers"]' 4
    report_says 'd["arp_answers"] >= 4' True
}

@test "live: JSON is all there is on standard output, and nothing on standard error" {
    play 'duration = "1s";'
    start_daemon
    end_of_daemon
    python3 -m json.tool report > /dev/null
    [ ! -s words ]
}

@test "live: the table for people" {
    play 'duration = "1s";'
    run -0 --separate-stderr in_near "$DAYSHIFTD" -q -c live.conf
    [[ ${lines[0]} =~ ^dayshiftd:\ ran\ [0-9.]+\ s,\ ended\ by\ the\ end\ of\ the\ run$ ]]
    [[ $output == *"interface counted "*"packets sent, answers included" ]]
    [ -z "$stderr" ]
}

# ---- several links, VLANs ----

# A second pair of interfaces, dsd4 and dsd5, which is gone when the namespaces are.
need_second_pair()
{
    in_near test -e /sys/class/net/dsd4 || make_pair dsd4 dsd5
}

# play_on_links LINE...: as play, on two links
play_on_links()
{
    play 'links = ( { name = "in"; interface = "dsd0"; }, { name = "out"; interface = "dsd4"; } );' "$@"
    sed -i '/interface = "dsd0";$/d' live.conf
}

start_second_tcpdump()
{
    capture_frames "$far" dsd5 second.pcap second.words
    second_pid=$capture_pid
}

end_second_tcpdump()
{
    wait_for 5 has_frames "$1" second.pcap
    end_process "$second_pid"
}

# Both captures at once, while it plays to its end.
capture_both()
{
    start_tcpdump
    start_second_tcpdump
    start_daemon
    "$DAYSHIFTD" -q -j -w file.pcap -c live.conf > table
    end_of_daemon
    sums_are_right
    report_says 'd["dropped"] + d["refused"]' 0
}

# is_part FILTER CAPTURE: the frames of the file that are so are those that were captured, in their order
is_part()
{
    tcpdump -r file.pcap -w part.pcap "$1" 2> /dev/null
    [[ $("$HELPERS/same_frames" part.pcap "$2") == *" frames, all the same" ]]
}

frames_in()
{
    tcpdump -nr "$1" "${@:2}" 2> /dev/null | wc -l
}

@test "live: two links: what the inside says leaves by one, what the outside says by the other" {
    need_second_pair
    play_on_links 'duration = "4s"; outside_link = "out";'
    capture_both
    end_tcpdump "$(frames_in file.pcap 'src net 198.18.0.0/16')"
    end_second_tcpdump "$(frames_in file.pcap 'src net 198.19.0.0/16')"
    [ "$(frames_in wire.pcap)" -gt 100 ]
    [ "$(frames_in second.pcap)" -gt 100 ]
    is_part 'src net 198.18.0.0/16' wire.pcap
    is_part 'src net 198.19.0.0/16' second.pcap
}

# check_order SINK: by the stamps of one clock, the kernel's, both captures together are the plan: nothing was overtaken.
check_order()
{
    play_on_links 'duration = "4s"; speed = 60; outside_link = "out";' "sink = \"$1\";"
    sed -i '/^speed = 10;$/d' live.conf
    capture_both
    end_tcpdump "$(frames_in file.pcap 'src net 198.18.0.0/16')"
    end_second_tcpdump "$(frames_in file.pcap 'src net 198.19.0.0/16')"
    [ "$(frames_in second.pcap)" -gt 1000 ]
    run -0 "$HELPERS/early_replies" -o both.pcap wire.pcap second.pcap
    [[ $output != *" of 0 "* ]]
    [[ $("$HELPERS/same_frames" file.pcap both.pcap) == *" frames, all the same" ]]
}

@test "live: two links: frames leave in one order, and no reply before its request" {
    need_second_pair
    check_order packet
}

# Both read the frames from the memory of one ring.
@test "live: two links by AF_XDP: frames leave in one order" {
    need_second_pair
    configure sink.conf "$players" 'sink = "xdp";'
    dayshiftd -n -c sink.conf > words 2>&1 || skip "$(cat words)"
    check_order xdp
}

@test "live: VLANs on two links: every frame has the tag of its sender on the link of its sender" {
    local m="model = \"$model\"; hosts = 40;"

    need_second_pair
    players="populations = ( { $m network = \"10.1.0.0/24\"; link = \"out\"; vlan = 4094; },
        { $m network = \"10.2.0.0/24\"; link = \"in\"; vlan = 20; }, { $m network = \"10.3.0.0/24\"; } );
        outside = \"10.9.0.0/16\";"
    play_on_links 'duration = "4s";'
    capture_both
    end_tcpdump "$(frames_in file.pcap 'not vlan 4094')"
    end_second_tcpdump "$(frames_in file.pcap 'vlan 4094')"
    is_part 'not vlan 4094' wire.pcap
    is_part 'vlan 4094' second.pcap
    [ "$(frames_in wire.pcap 'vlan 20 and (net 10.2.0.0/24) and net 10.9.0.0/16')" -gt 100 ]
    [ "$(frames_in wire.pcap 'vlan 20 and not net 10.2.0.0/24')" -eq 0 ]
    [ "$(frames_in wire.pcap 'ip and net 10.3.0.0/24')" -gt 100 ]
    [ "$(frames_in wire.pcap 'ip and not net 10.3.0.0/24')" -eq 0 ]
    [ "$(frames_in second.pcap 'vlan 4094 and net 10.1.0.0/24')" -eq "$(frames_in second.pcap)" ]
    [ "$(frames_in second.pcap 'greater 1518')" -gt 0 ] # full ones, whose tag does not count for the MTU
}

# Both ends, so that nothing is cut on the way.
set_mtu()
{
    ip -n "$near" link set dsd0 mtu "$1"
    ip -n "$far" link set dsd1 mtu "$1"
}

@test "live: sessions of both families fit the MTU of their link" {
    local mtu longest

    players="populations = ( { model = \"$model\"; hosts = 40; network = \"10.1.0.0/24\"; network6 = \"fd01::/64\";
        gateway = \"02:00:00:00:00:77\"; } ); outside_gateway = \"02:00:00:00:00:78\";"
    for mtu in 1280 1500; do
        set_mtu $mtu
        play 'duration = "3s";'
        start_tcpdump
        start_daemon
        end_of_daemon
        set_mtu 1500
        sums_are_right
        report_says 'd["dropped"] + d["refused"]' 0
        end_tcpdump "$(json_value report 'd["sent"]')"
        [ "$(frames_in wire.pcap ip)" -gt 50 ]
        [ "$(frames_in wire.pcap ip6)" -gt 50 ]
        [ "$(frames_in wire.pcap "greater $((mtu + 15))")" -eq 0 ]
        [ "$(frames_in wire.pcap "greater $((mtu + 14))")" -gt 0 ]
        [ "$(frames_in wire.pcap 'src net 10.1.0.0/24 and dst net 198.19.0.0/16 and not ether dst 02:00:00:00:00:77')" -eq 0 ]
        [ "$(frames_in wire.pcap 'src net fd01::/64 and dst net 2001:2:0:8000::/49 and ether dst 02:00:00:00:00:77')" -gt 0 ]
        [ "$(frames_in wire.pcap 'dst net fd01::/64 and src net 2001:2:0:8000::/49 and not ether dst 02:00:00:00:00:78')" -eq 0 ]
        [ "$(frames_in wire.pcap '(src net fd01::/64 and dst net fd01::/64) and ether dst 02:00:00:00:00:77')" -eq 0 ]
    done
}

@test "live: IPv6 is refused on a link that is too narrow for it" {
    players="populations = ( { model = \"$model\"; hosts = 40; network6 = \"fd01::/64\"; } );"
    set_mtu 1279
    play 'duration = "3s";'
    run --separate-stderr in_near "$DAYSHIFTD" -q -c live.conf
    set_mtu 1500
    [ "$status" -eq 1 ]
    [[ "$stderr" == *"IPv6 needs an MTU of 1280 bytes, and the link of a population has 1279"* ]]
}

@test "live: a ceiling that a full frame of the link would never pass is refused" {
    play 'duration = "1s"; max_bits_per_second = 700000;'
    set_mtu 9000
    run --separate-stderr in_near "$DAYSHIFTD" -q -c live.conf
    [ "$status" -eq 1 ]
    [[ "$stderr" == *"live.conf:"*"max_bits_per_second 700000: for the MTU of dsd0, 9000, it is to be 793585 at least" ]]
    set_mtu 1500
    run -0 --separate-stderr in_near "$DAYSHIFTD" -q -c live.conf
}

# ask_arp INTERFACE TAG ADDRESS: a request from the far end, with these hexadecimal digits between MACs and type
ask_arp()
{
    in_far python3 - "$@" << 'END'
import socket, sys

s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[1], 0))
me = bytes.fromhex("02aabbccddee")
s.send(b"\xff" * 6 + me + bytes.fromhex(sys.argv[2] + "0806" + "0001080006040001") + me +
       socket.inet_aton("10.9.0.1") + bytes(6) + socket.inet_aton(sys.argv[3]) + bytes(18))
END
}

# arp_answers FILE: "10.2.0.1 vlan 20, p 0" or "10.1.0.1", one a line
arp_answers()
{
    tcpdump -enr "$1" 2> /dev/null | sed -nE \
        's/^.*length [0-9]+: (vlan .*), ethertype ARP .*Reply ([0-9.]+) is-at.*$/\2 \1/p; t; s/^.*Reply ([0-9.]+) is-at.*$/\1/p' | sort
}

# Asks until the answer to the question itself is captured.
answers_arp()
{
    ask_arp dsd1 '' 10.1.0.4
    [ -n "$(arp_answers wire.pcap)" ]
}

@test "live: ARP is answered on the link and in the VLAN of the host, with its tag" {
    local tag m="model = \"$model\"; hosts = 4;"

    need_second_pair
    players="populations = ( { $m network = \"10.1.0.0/24\"; }, { $m network = \"10.2.0.0/24\"; vlan = 20; },
        { $m network = \"10.3.0.0/24\"; link = \"out\"; } ); outside = \"10.9.0.0/16\";"
    play_on_links 'duration = "30s"; unobserved = "silent";'
    sed -i 's/ 10:00";/ 03:00";/' live.conf
    start_tcpdump
    start_second_tcpdump
    start_daemon
    wait_for 10 answers_arp
    for tag in '' 81000014 81002014 81000000 81000015 88a80014 8100001481000014; do
        ask_arp dsd1 "$tag" 10.1.0.1
        ask_arp dsd1 "$tag" 10.2.0.1
        ask_arp dsd1 "$tag" 10.3.0.1
    done
    ask_arp dsd5 '' 10.1.0.2
    ask_arp dsd5 81000014 10.2.0.2
    ask_arp dsd5 '' 10.3.0.2
    sleep 0.5 # whoever answers what he should not does so within that
    kill -INT "$daemon_pid"
    end_of_daemon
    sums_are_right
    end_tcpdump 0
    end_second_tcpdump 0
    # Also where the tag has a priority, and where it has no VLAN.
    [ "$(arp_answers wire.pcap | grep -v '10\.1\.0\.4')" = "10.1.0.1
10.1.0.1
10.2.0.1 vlan 20, p 0
10.2.0.1 vlan 20, p 0" ]
    [ "$(arp_answers second.pcap)" = "10.3.0.2" ]
}

# ---- privileges ----

# status_of KEY [PID]
status_of()
{
    sed -n "s/^$1:[[:space:]]*//p" "/proc/${2:-$daemon_pid}/status"
}

# The process that plays; the one that was started watches over it.
find_engine()
{
    engine_pid=$(pgrep -P "$daemon_pid")
}

check_status()
{
    local thread status uid

    uid=$(id -u nobody)
    find_engine
    [ "$(status_of Uid "$engine_pid")" = "$uid"$'\t'"$uid"$'\t'"$uid"$'\t'"$uid" ] ||
        complain "$(status_of Uid "$engine_pid")"
    for thread in /proc/"$engine_pid"/task/*/status; do
        status=$(cat "$thread" 2> /dev/null) || continue # a thread that has ended
        [ "$(grep -cE '^Cap(Eff|Prm|Inh|Amb):[[:space:]]*0{16}$' <<< "$status")" -eq 4 ] ||
            complain "$(grep Cap <<< "$status")"
        grep -qE '^NoNewPrivs:[[:space:]]*1$' <<< "$status"
        grep -qE '^Seccomp:[[:space:]]*2$' <<< "$status"
    done
}

@test "live: no rights are left while it runs" {
    sent_before=$(in_near cat /sys/class/net/dsd0/statistics/tx_packets)
    play 'duration = "30s";'
    start_daemon
    wait_for_frames
    check_status
    [ "$(status_of Groups "$engine_pid" | tr -d ' ')" = "" ]
    [ "$(status_of CapBnd "$engine_pid")" = 0000000000000000 ]
    [ "$(find "/proc/$engine_pid/task" -mindepth 1 -maxdepth 1 | wc -l)" -ge 3 ]
    kill -TERM "$daemon_pid"
    end_of_daemon
    sums_are_right
}

@test "live: capabilities are given up also by a user who is not root" {
    sent_before=$(in_near cat /sys/class/net/dsd0/statistics/tx_packets)
    play 'duration = "30s";'
    cp live.conf "$PUBLIC/live.conf"
    ip netns exec "$near" setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups \
        --inh-caps=+net_raw --ambient-caps=+net_raw \
        "$PUBLIC/dayshiftd" --json -c "$PUBLIC/live.conf" > report 2> words 3>&- &
    daemon_pid=$!
    wait_for_frames
    check_status
    kill -INT "$daemon_pid"
    end_of_daemon
    sums_are_right
}

# ---- ends ----

# A signal after so many seconds: a clean end with a table, in the time that end_of_daemon() waits.
check_end()
{
    local signal=$1 seconds=$2

    start_daemon
    sleep "$seconds"
    kill -"$signal" "$daemon_pid"
    end_of_daemon || complain "$signal after $seconds s: status $?: $(cat words)"
    report_says 'd["ended"]' "SIG$signal"
    sums_are_right
    [ ! -s words ]
}

# It keeps signals for later: before that one ends it, or the ip that it was.
blocks_signals()
{
    [ "$(status_of Name)" = dayshiftd ] && [[ $(status_of SigBlk) == *4003 ]]
}

@test "live: a signal at once" {
    local signal

    play 'duration = "30s";'
    for signal in INT TERM; do
        start_daemon
        wait_for 5 blocks_signals
        kill -"$signal" "$daemon_pid"
        end_of_daemon || complain "$signal: $(cat words report)"
        report_says 'd["ended"]' "SIG$signal"
        report_says 'd["planned"] - d["sent"] - d["dropped"] - d["refused"]' 0
    done
}

is_dayshiftd()
{
    [ "$(status_of Name)" = dayshiftd ]
}

@test "live: a signal before there is a configuration" {
    local status=0

    mkfifo slow.conf
    ip netns exec "$near" "$DAYSHIFTD" --json -c slow.conf > report 2> words 3>&- &
    daemon_pid=$!
    wait_for 5 is_dayshiftd
    kill -TERM "$daemon_pid"
    end_of_daemon || status=$?
    [ "$status" -eq 143 ]
    [ ! -s report ]
}

@test "live: the run begins when the first frames are planned" {
    players="populations = ( { model = \"$model\"; hosts = 10000; } );"
    play 'duration = "2s";'
    sed -i 's/^speed = 10;/speed = 1;/' live.conf
    start_daemon
    end_of_daemon
    sums_are_right
    report_says '1.9 < d["seconds"] < 4' True
    report_says 'd["lateness_ns"]["max"] < 1e9' True
}

@test "live: a signal while a large population is planned" {
    players="populations = ( { model = \"$model\"; network = \"10.0.0.0/8\"; hosts = 300000; } );"
    play 'duration = "30s";' 'stop_seconds = 1;'
    check_end TERM 2
}

@test "live: a signal early, in the middle and late" {
    play 'duration = "30s";'
    check_end INT 0.2
    check_end TERM 0.2
    check_end INT 2
    report_says 'd["sent"] > 100' True
}

@test "live: SIGTERM lets sessions end, SIGINT does not" {
    play 'duration = "30s";'
    sed -i 's/stop_seconds = 1;/stop_seconds = 5;/' live.conf
    start_playing
    sleep 1
    kill -TERM "$daemon_pid"
    end_of_daemon
    sums_are_right
    report_says 'd["ended"]' "SIGTERM"
    report_says 'd["unsent"]' 0
    start_playing
    sleep 1
    kill -TERM "$daemon_pid"
    sleep 0.3
    kill -INT "$daemon_pid"
    end_of_daemon
    sums_are_right
    report_says 'd["ended"]' "SIGTERM"
    report_says 'd["unsent"] > 0' True
    [ ! -s words ]
}

@test "live: a signal in a long silence" {
    play 'unobserved = "silent";' 'duration = "30s";'
    sed -i 's/ 10:00";/ 03:00";/' live.conf
    check_end INT 0.5
    report_says 'd["planned"]' 0
}

@test "live: hosts that have nothing to say answer until the time is up" {
    need ping
    ip -n "$far" address add 198.19.0.1/15 dev dsd1
    play 'unobserved = "silent";' 'duration = "3s";'
    sed -i 's/ 10:00";/ 03:00";/' live.conf
    start_daemon
    sleep 1
    in_far ping -n -c 1 -W 1 198.18.0.7
    end_of_daemon
    sums_are_right
    report_says 'd["planned"]' 0
    report_says '2.9 < d["seconds"] < 4' True
}

@test "live: a signal while more is planned than the link can take" {
    players="populations = ( { model = \"$model\"; hosts = 20000; } );"
    play 'speed = 50;' 'duration = "30s";'
    sed -i '/^speed = 10/d' live.conf
    start_playing
    kill -INT "$daemon_pid"
    end_of_daemon
    sums_are_right
    report_says 'd["ended"]' SIGINT
    report_says 'd["unsent"] > 1000' True
}

@test "live: every kind of sink plays without rights" {
    local sink

    for sink in packet xdp libnet; do
        play 'duration = "2s";' "sink = \"$sink\";"
        start_daemon
        if ! end_of_daemon; then
            [ "$sink" = xdp ] && grep -q "libxdp" words || complain "$sink: $(cat words)"
            continue
        fi
        [ ! -s words ] || complain "$sink: $(cat words)"
        sums_are_right
        report_says 'd["sent"] > 100 and d["dropped"] == 0' True
    done
}

@test "live: a link that goes down costs frames, not the run" {
    play 'duration = "3s";'
    start_daemon
    sleep 1
    ip -n "$near" link set dsd0 down
    sleep 0.5
    ip -n "$near" link set dsd0 up
    end_of_daemon
    sums_are_right
    report_says 'd["dropped"] > 0' True
    report_says 'd["ended"]' "the end of the run"
}

@test "live: a link that disappears ends the run" {
    local begun=$SECONDS

    play 'interface = "dsd2";' 'duration = "30s";'
    sed -i '/interface = "dsd0"/d' live.conf
    make_pair dsd2 dsd3
    start_daemon
    sleep 1
    ip -n "$near" link del dsd2
    sleep 0.5
    has_ended "$daemon_pid" || kill -INT "$daemon_pid" # going on without it is fine too
    end_of_daemon || [ "$(wc -l < words)" -eq 1 ]
    [ $((SECONDS - begun)) -lt 10 ]
    report_says 'd["planned"] - d["sent"] - d["dropped"] - d["refused"]' 0
    report_says 'd["interface_packets"]' None
}

@test "live: the table says when nobody knows what the interface counted" {
    play 'interface = "dsd2";' 'duration = "30s";'
    sed -i '/interface = "dsd0"/d' live.conf
    make_pair dsd2 dsd3
    ip netns exec "$near" "$DAYSHIFTD" -q -c live.conf > report 2> words 3>&- &
    daemon_pid=$!
    sleep 1
    ip -n "$near" link del dsd2
    sleep 0.5
    has_ended "$daemon_pid" || kill -INT "$daemon_pid"
    end_of_daemon || [ "$(wc -l < words)" -eq 1 ]
    grep -q "interface counted  *unknown" report
}

# ---- the supervisor ----

# Starts it and waits until it sends; $engine_pid is who does.
start_playing()
{
    sent_before=$(in_near cat /sys/class/net/dsd0/statistics/tx_packets)
    start_daemon
    wait_for_frames
    find_engine
}

# And nothing beside it: a new configuration is tried in a process of its own.
has_another_engine()
{
    local now

    now=$(pgrep -P "$daemon_pid") && [ "$now" != "$engine_pid" ] && [ "$(wc -l <<< "$now")" -eq 1 ]
}

# A run in which engines crashed: each may have sent a batch that it could not count any more.
sums_are_right_after_a_crash()
{
    report_says 'd["planned"] - d["sent"] - d["dropped"] - d["refused"]' 0
    report_says '0 <= d["interface_packets"] - d["sent"] <= 64' True
}

@test "live: a crash is survived, said and told" {
    play 'duration = "6s";'
    start_playing
    kill -SEGV "$engine_pid"
    wait_for 10 has_another_engine
    end_of_daemon
    sums_are_right_after_a_crash
    report_says 'd["restarts"]' 1
    report_says 'd["ended"]' "the end of the run"
    report_says '5.9 < d["seconds"] < 8' True
    [ "$(wc -l < words)" -eq 1 ]
    grep -qE '^dayshiftd: the engine was ended by SIGSEGV after [0-9.]+ s; started again in 1 s$' words
}

@test "live: after a crash it goes on at the present point of the day" {
    local sent

    # What was learned lasts for 20 minutes; at this speed it is over after two seconds.
    play 'duration = "6s"; unobserved = "silent";'
    sed -i 's/^speed = 10;/speed = 600;/' live.conf
    start_playing
    sleep 2.5
    kill -KILL "$engine_pid"
    wait_for 10 has_another_engine
    sent=$(in_near cat /sys/class/net/dsd0/statistics/tx_packets)
    end_of_daemon
    report_says 'd["restarts"]' 1
    report_says 'd["sent"] > 100' True
    [ "$(in_near cat /sys/class/net/dsd0/statistics/tx_packets)" -eq "$sent" ]
}

@test "live: SIGHUP takes a new configuration, a bad one is refused" {
    play 'duration = "30s";'
    start_playing
    echo 'nonsense = 1;' >> live.conf
    kill -HUP "$daemon_pid"
    wait_for 5 grep -q "not reloaded, the old configuration stays: live.conf:.*nonsense" words
    find_engine
    echo garbage > garbage.dsm
    players='populations = ( { model = "garbage.dsm"; } );'
    play 'duration = "30s";'
    kill -HUP "$daemon_pid"
    wait_for 5 grep -q "garbage.dsm: not a usable model file" words
    [ "$(wc -l < words)" -eq 2 ]
    run ! has_another_engine
    players="populations = ( { model = \"$model\"; hosts = 60; } );"
    play 'duration = "30s";'
    kill -HUP "$daemon_pid"
    wait_for 10 has_another_engine
    sleep 1
    kill -INT "$daemon_pid"
    end_of_daemon
    sums_are_right
    report_says 'd["hosts"]' 60
    report_says 'd["restarts"]' 0
    [ "$(wc -l < words)" -eq 2 ]
}

@test "live: a link that comes back is played on again" {
    play 'interface = "dsd2";' 'duration = "30s";'
    sed -i '/interface = "dsd0"/d' live.conf
    make_pair dsd2 dsd3
    start_daemon
    sleep 1
    find_engine
    ip -n "$near" link del dsd2
    kill -KILL "$engine_pid"
    wait_for 5 grep -q "dsd2: no such interface" words
    make_pair dsd2 dsd3
    wait_for 10 has_sent_on dsd2
    kill -INT "$daemon_pid"
    end_of_daemon
    report_says 'd["restarts"] >= 2' True
    ip -n "$near" link del dsd2
}

has_sent_on()
{
    [ "$(in_near cat "/sys/class/net/$1/statistics/tx_packets")" -gt 0 ]
}

@test "live: the engine ends with its supervisor" {
    play 'duration = "30s";'
    start_playing
    kill -KILL "$daemon_pid"
    wait_for 5 has_ended "$engine_pid"
    wait "$daemon_pid" || true
    daemon_pid=
    [ "$(wc -l < words)" -eq 0 ]
}

@test "live: under nohup a SIGHUP changes nothing" {
    play 'duration = "3s";'
    (
        trap '' HUP
        exec ip netns exec "$near" "$DAYSHIFTD" --json -c live.conf > report 2> words 3>&-
    ) &
    daemon_pid=$!
    sleep 1
    kill -HUP "$daemon_pid"
    end_of_daemon
    report_says 'd["ended"]' "the end of the run"
    [ ! -s words ]
}

@test "a configuration that others may write is refused" {
    play 'duration = "1s";'
    chmod 666 live.conf
    refuses 1 "live.conf: refused, because everybody may write it, mode 0666 (chmod go-w live.conf)" daemon_in_near
    refuses 1 "live.conf: refused" dayshiftd -n -c live.conf
    chmod 644 live.conf
    chown nobody live.conf
    refuses 1 "live.conf: refused, because it belongs to user $(id -u nobody)" daemon_in_near
    SUDO_UID=$(id -u nobody) run -0 daemon_in_near
    chown root live.conf
    run -0 dayshiftd -n -c live.conf
}

@test "a hostile model file ends in one message, before anything is sent" {
    local before cut

    before=$(in_near cat /sys/class/net/dsd0/statistics/tx_packets)
    players='populations = ( { model = "hostile.dsm"; } );'
    play 'duration = "1s";'
    for cut in 1 100 4096 50000; do
        head -c "$cut" "$model" > hostile.dsm
        refuses 1 "hostile.dsm: " daemon_in_near
        refuses 1 "hostile.dsm: " dayshiftd -n -c live.conf
    done
    cp "$model" hostile.dsm
    head -c 20000 /dev/zero | tr '\0' '\377' | dd of=hostile.dsm bs=1 seek=4096 conv=notrunc status=none
    refuses 1 "hostile.dsm: " daemon_in_near
    rm hostile.dsm
    mkfifo hostile.dsm
    refuses 1 "hostile.dsm: not a model file: not a regular file" daemon_in_near
    [ "$(in_near cat /sys/class/net/dsd0/statistics/tx_packets)" = "$before" ]
}

# ---- the unit ----

@test "unit: systemd finds nothing to complain about" {
    need systemd-analyze
    sed "s|/usr/local/sbin/dayshiftd|$DAYSHIFTD|" "$unit" > dayshiftd.service
    run -0 systemd-analyze verify --man=no ./dayshiftd.service
    [ -z "$output" ]
    run systemd-analyze security --offline=true --no-pager --threshold=35 ./dayshiftd.service
    [ "$status" -eq 0 ] || complain "more exposed than 3.5: $(tail -n 1 <<< "$output")"
}

# Starts it with the capabilities $1, in setpriv's words, and no other.
start_with_capabilities()
{
    sent_before=$(in_near cat /sys/class/net/dsd0/statistics/tx_packets)
    ip netns exec "$near" \
        setpriv --bounding-set="-all$1" --inh-caps=-all --no-new-privs "$DAYSHIFTD" --json -c live.conf > report 2> words 3>&- &
    daemon_pid=$!
}

@test "unit: its capabilities are enough, and without those that open and give up nothing is played" {
    need setpriv
    local capabilities name

    capabilities=$(sed -n 's/^CapabilityBoundingSet=//p' "$unit" | tr 'A-Z ' 'a-z\n' | sed 's/^cap_/,+/' | tr -d '\n')
    play 'duration = "30s";'
    start_with_capabilities "$capabilities"
    wait_for_frames
    check_status
    kill -HUP "$daemon_pid"
    wait_for 10 has_another_engine
    find_engine
    kill -SEGV "$engine_pid"
    wait_for 10 has_another_engine
    kill -TERM "$daemon_pid"
    end_of_daemon
    sums_are_right_after_a_crash
    [ "$(wc -l < words)" -eq 1 ] || complain "$(cat words)"
    for name in net_raw setuid setgid setpcap; do
        start_with_capabilities "${capabilities/,+$name/}"
        ! end_of_daemon || complain "without $name: it plays"
        [ "$(wc -l < words)" -eq 1 ] || complain "without $name: $(cat words)"
    done
}

# ---- links that are refused ----

daemon_in_near()
{
    in_near timeout 10 "$DAYSHIFTD" -c live.conf
}

@test "an interface that cannot be used is named" {
    play 'duration = "1s";'
    sed -i 's/dsd0/nosuch0/' live.conf
    refuses 1 "live.conf:$(sed -n '/^interface/=' live.conf): interface: nosuch0: no such interface" daemon_in_near
    sed -i 's/nosuch0/a-name-that-is-too-long/' live.conf
    refuses 1 "a-name-that-is-too-long: no such interface" daemon_in_near
    sed -i 's/a-name-that-is-too-long/lo/' live.conf
    in_near ip link set lo up
    refuses 1 "lo: " daemon_in_near
    sed -i 's/"lo"/"dsd0"/' live.conf
    ip -n "$near" link set dsd0 down
    refuses 1 "dsd0: the interface is down" daemon_in_near
}

@test "an interface with the default route is refused unless allowed" {
    play 'duration = "1s";'
    ip -n "$near" route add default dev dsd0
    refuses 1 "dsd0: refused, because it carries a default route" daemon_in_near
    echo 'allow_default_route = true;' >> live.conf
    run -0 daemon_in_near
}

@test "without privilege the link cannot be opened" {
    play 'duration = "1s";'
    cp live.conf "$PUBLIC/live.conf"
    sed -i 's|^control = .*|control = "/run/dayshift/other.sock";|' "$PUBLIC/live.conf" # which only root could make
    refuses 1 "dayshiftd: no permission to send on an interface: start dayshiftd as root, as with sudo, or with CAP_NET_RAW" \
        ip netns exec "$near" setpriv --reuid=nobody --regid="$(id -g nobody)" \
        --clear-groups --bounding-set=-all "$PUBLIC/dayshiftd" -c "$PUBLIC/live.conf"
}

@test "users that cannot be are refused before anything is sent" {
    local before

    before=$(in_near cat /sys/class/net/dsd0/statistics/tx_packets)
    play 'duration = "1s";' 'user = "nosuchuser";'
    refuses 1 'user: "nosuchuser" is not a user of this machine' daemon_in_near
    play 'duration = "1s";' 'user = "root";'
    refuses 1 'user: "root" is not a user without the rights of root' daemon_in_near
    [ "$(in_near cat /sys/class/net/dsd0/statistics/tx_packets)" = "$before" ]
}

@test "a model that is missing or foreign ends it before anything is sent" {
    local before

    before=$(in_near cat /sys/class/net/dsd0/statistics/tx_packets)
    echo "no model" > text
    players='populations = ( { model = "missing"; } );'
    play 'duration = "1s";'
    refuses 1 "missing: cannot open: No such file" daemon_in_near
    players='populations = ( { model = "text"; } );'
    play 'duration = "1s";'
    refuses 1 "text: not a usable model file" daemon_in_near
    [ "$(in_near cat /sys/class/net/dsd0/statistics/tx_packets)" = "$before" ]
}

@test "a processor that there is not ends it before anything is sent" {
    local before

    before=$(in_near cat /sys/class/net/dsd0/statistics/tx_packets)
    play 'duration = "5s";' 'cpu = 1000;'
    refuses 1 "cpu: processor 1000 cannot be used" daemon_in_near
    [ "$(in_near cat /sys/class/net/dsd0/statistics/tx_packets)" = "$before" ]
}

# The most frames of the capture in any second; not those of the one who pings.
most_in_a_second()
{
    tcpdump -ttnr wire.pcap "not ether src $(in_far cat /sys/class/net/dsd1/address)" 2> /dev/null | awk '
        { time[NR] = $1; while (time[NR] - time[first + 1] >= 1) first++; if (NR - first > most) most = NR - first }
        END { print most + 0 }'
}

# Waits for the end of a run with max_packets_per_second = 300, which was tried and held.
end_below_a_full_ceiling()
{
    end_of_daemon
    end_tcpdump 600
    sums_are_right
    report_says 'd["held_back"] > 0' True
    [ "$(most_in_a_second)" -le 300 ] || complain "$(most_in_a_second) frames in a second"
    [ "$(most_in_a_second)" -gt 200 ] # the ceiling was tried
}

@test "live: no second has more frames than the ceiling, answers included" {
    play 'duration = "4s";' 'max_packets_per_second = 300;' 'late = "drop";' 'max_late_us = 100000;'
    sed -i 's/^speed = 10;/speed = 600;/' live.conf
    start_tcpdump
    start_playing
    ip -n "$far" address add 198.18.200.1/15 dev dsd1
    ip netns exec "$far" ping -q -f -c 500 -W 1 198.18.0.5 > ping.out 2>&1 || true
    end_below_a_full_ceiling
}

# all_resolved COUNT: hosts whose MAC address the neighbour got to know
all_resolved()
{
    [ "$(ip -n "$far" neighbour show dev dsd1 | grep -c lladdr)" = "$1" ]
}

@test "live: below a full ceiling real machines find virtual hosts, and no second has more" {
    play 'duration = "4s";' 'max_packets_per_second = 300;' 'late = "drop";' 'max_late_us = 100000;'
    sed -i 's/^speed = 10;/speed = 600;/' live.conf
    start_tcpdump
    start_playing
    ip -n "$far" address add 198.18.200.1/15 dev dsd1
    for i in $(seq 1 10); do
        ip netns exec "$far" ping -q -c 1 -W 1 "198.18.0.$i" > /dev/null 2>&1 3>&- &
    done
    wait_for 3 all_resolved 10 # eight at once, the others when they are asked for again
    end_below_a_full_ceiling
}
