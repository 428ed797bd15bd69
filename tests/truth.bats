#!/usr/bin/env bats
# The log of the flows that were sent, of runs on a link and into files: what it says is what arrives, flow by flow.
# Two network namespaces made here, joined by a veth pair. Nothing leaves them. Needs root, but for files.
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
    need python3
    enter_scratch
    live_setup
    chmod 755 . # it is root's, and not for others to write
    agree=$SOURCE/tests/flows_agree.py
}

teardown()
{
    live_teardown
}

# agrees LATE_US [ARGUMENT...]: the log agrees with wire.pcap, and with the report in what was not sent.
agrees()
{
    local unsent=0

    [ ! -s report ] || unsent=$(json_value report 'd["planned"] - d["sent"]')
    run python3 "$agree" flows.csv wire.pcap --unsent "$unsent" --late "$@"
    [ "$status" = 0 ] || complain "the log is not what was captured:" "$output"
}

lines()
{
    tail -n +2 "${1:-flows.csv}" | wc -l
}

has_lines()
{
    [ "$(lines)" -gt "$1" ]
}

column()
{
    python3 -c 'import csv, sys
for row in csv.DictReader(open(sys.argv[1])):
    print(row[sys.argv[2]])' "${2:-flows.csv}" "$1"
}

# Every line is whole: it has as many columns as the header, and the file ends with one.
lines_are_whole()
{
    [ -z "$(tail -c 1 flows.csv)" ]
    [ "$(awk -F, '{ print NF }' flows.csv | sort -u | wc -l)" = 1 ]
}

engine_of()
{
    ps -o pid= --ppid "$daemon_pid" | tr -d ' '
}

# What was sent by the end of the run is in the capture.
capture_is_whole()
{
    end_tcpdump "$(json_value report 'd["sent"]')"
}

# The run as it is configured, to its end: the log says of all flows what the capture does.
log_and_capture_agree()
{
    start_tcpdump
    start_daemon
    end_of_daemon
    capture_is_whole
    sums_are_right
    agrees 100000
    report_says 'd["logged"]' "$(lines)"
    report_says 'd["logged"] > 100' True
    report_says 'd["unlogged"]' 0
    report_says 'd["logged"] == d["flows"]' True
    lines_are_whole
}

@test "truth: live, every flow of the log is in the capture and every packet in the log" {
    play 'duration = "6s"; truth = "flows.csv";' 'impairments = "retransmission=0.01,duplication=0.02,unanswered=0.05";'
    log_and_capture_agree
    [ "$(column cut | sort -u)" = 0 ]
    [ "$(column population | sort -u)" = 1 ]
    [ "$(column host | sort -n | tail -1)" -le 40 ]
    [ "$(column slink | sort -u)" = dsd0 ]
    [ "$(stat -c %a flows.csv)" = 640 ]
}

@test "truth: what was under way at the begin is in the log, and what was over before is not" {
    play 'duration = "6s"; truth = "flows.csv"; lead_in = "10m";'
    log_and_capture_agree
    report_says 'd["flows_under_way"] > 2' True
}

# A second pair of interfaces, dsd4 and dsd5, which is gone when the namespaces are.
@test "truth: two links, VLANs and both families: the log has where each side sends" {
    in_near test -e /sys/class/net/dsd4 || make_pair dsd4 dsd5
    players="populations = (
        { model = \"$model\"; hosts = 20; network = \"198.18.0.0/24\"; network6 = \"2001:2:0:1::/64\"; link = \"in\"; },
        { model = \"$model\"; hosts = 20; network = \"198.18.1.0/24\"; link = \"in\"; vlan = 7; } );"
    play 'links = ( { name = "in"; interface = "dsd0"; }, { name = "out"; interface = "dsd4"; } );' \
        'duration = "5s"; outside_link = "out"; outside_vlan = 9; truth = "flows.csv";'
    sed -i '/interface = "dsd0";$/d' live.conf
    start_tcpdump
    capture_frames "$far" dsd5 second.pcap second.words
    second_pid=$capture_pid
    start_daemon
    end_of_daemon
    end_tcpdump 100
    wait_for 5 has_frames 100 second.pcap
    sleep 0.5
    end_process "$second_pid"
    run python3 "$SOURCE/tests/frames_by_sender.py" flows.csv in=wire.pcap out=second.pcap --mac=198.18.1.3=02:d5:c6:12:01:03
    [ "$status" = 0 ] || complain "senders of the log are not those of the captures:" "$output"
    # The one header is enough: the order is not looked at.
    tail -c +25 second.pcap >> wire.pcap
    agrees 100000
    report_says 'd["logged"]' "$(lines)"
    [ "$(column slink | sort -u | tr '\n' ' ')" = "in out " ]
    [ "$(column svlan | sort -u | tr '\n' ' ')" = " 7 9 " ]
    [ "$(column population | sort -u | tr '\n' ' ')" = "1 2 " ]
    column sa | grep -q ^2001:2:0:1:
    # A flow of population 2 has its VLAN, where a host of it is an end.
    python3 - << 'END'
import csv

for row in csv.DictReader(open("flows.csv")):
    for end in "sd":
        if row[end + "a"].startswith("198.18.1."):
            assert row[end + "vlan"] == "7" and row[end + "link"] == "in", row
        elif row[end + "a"].startswith("198.19."):
            assert row[end + "vlan"] == "9" and row[end + "link"] == "out", row
    if row["population"] == "2" and row["sa"].startswith("198.18.1."):
        assert row["sa"] == "198.18.1.%s" % row["host"] or row["da"] == "198.18.1.%s" % row["host"], row
END
}

@test "truth: a log of -w is that of its frames, whatever the format" {
    play 'duration = "20s"; truth = "flows.csv";'
    "$DAYSHIFTD" -q -j -w wire.pcap -c live.conf > report
    agrees 2
    report_says 'd["logged"]' "$(lines)"
    report_says 'd["logged"]' "$(json_value report 'd["flows"]')"
    play 'duration = "20s"; truth = "flows.json";'
    "$DAYSHIFTD" -q -w wire.pcap -c live.conf
    python3 "$agree" flows.json wire.pcap
    [ "$(wc -l < flows.json)" = "$(lines)" ]
    play 'duration = "20s"; truth = "flows.log"; truth_format = "json";'
    "$DAYSHIFTD" -q -w wire.pcap -c live.conf
    cmp flows.log flows.json
}

@test "truth: what is dropped, held back or cannot be sent is not in the log" {
    play 'duration = "6s"; late = "drop"; max_late_us = 20000; max_packets_per_second = 120; truth = "flows.csv";'
    start_tcpdump
    sent_before=$(frames_on_link)
    start_daemon
    wait_for_frames
    sleep 1
    ip -n "$near" link set dsd0 down
    sleep 1
    ip -n "$near" link set dsd0 up
    end_of_daemon
    capture_is_whole
    report_says 'd["dropped"] > 100' True
    report_says 'd["lost"] > 0 and d["late"] > 0' True
    agrees 100000
    report_says 'd["unlogged"]' 0
    # What is missing of a flow is said, but of those of which nothing was sent.
    [ "$(column unsent | awk '{ s += $1 } END { print (s > 0) }')" = 1 ]
}

@test "truth: a signal that ends the run at once leaves what was sent, cut" {
    play 'duration = "60s"; truth = "flows.csv";'
    start_tcpdump
    sent_before=$(frames_on_link)
    start_daemon
    wait_for_frames
    sleep 2
    kill -INT "$daemon_pid"
    end_of_daemon
    capture_is_whole
    agrees 100000 --cut
    report_says 'd["logged"]' "$(lines)"
    [ "$(column cut | sort -u | tr -d '\n')" = 01 ]
}

@test "truth: an engine that is killed leaves nothing out of the log, and the next one goes on" {
    control=$PWD/control
    play 'duration = "9s"; truth = "flows.csv";'
    start_tcpdump
    sent_before=$(frames_on_link)
    start_daemon
    wait_for_frames
    sleep 2
    dayshift ctl --socket "$control" pause # none is between being sent and being counted
    sleep 0.2
    kill -KILL "$(engine_of)"
    sleep 2.5
    dayshift ctl --socket "$control" resume
    end_of_daemon
    grep -q "was ended by SIGKILL" words
    capture_is_whole
    report_says 'd["restarts"]' 1
    agrees 100000 --cut
    lines_are_whole
    report_says 'd["logged"]' "$(lines)"
    [ "$(column cut | sort -u | tr -d '\n')" = 01 ]
}

@test "truth: when the supervisor is killed the engine writes what is left" {
    play 'duration = "60s"; stop_seconds = 1; truth = "flows.csv";'
    start_tcpdump
    sent_before=$(frames_on_link)
    start_daemon
    wait_for_frames
    sleep 1
    engine=$(engine_of)
    kill -KILL "$daemon_pid"
    wait_for 10 has_ended "$engine"
    sent=$(($(frames_on_link) - sent_before))
    end_tcpdump "$sent"
    agrees 100000 --cut
    lines_are_whole
}

@test "truth: when both are killed the lines that are there are whole, and the next run goes on behind them" {
    play 'duration = "60s"; truth = "flows.csv";'
    sent_before=$(frames_on_link)
    start_daemon
    wait_for_frames
    wait_for 10 has_lines 20
    kill -KILL "$(engine_of)" "$daemon_pid"
    wait_for 10 has_ended "$daemon_pid"
    lines_are_whole
    before=$(lines)
    # As a write that was cut off would leave it.
    printf '2026-11-23 09:00:00.000000,2026-1' >> flows.csv
    play 'duration = "1s"; truth = "flows.csv";'
    start_daemon
    end_of_daemon
    grep -q "/flows.csv: ended in the middle of a line, which is cut off" words
    lines_are_whole
    [ "$(lines)" = $((before + $(json_value report 'd["logged"]'))) ]
}

@test "truth: a reload opens the file anew, after it was renamed" {
    control=$PWD/control
    play 'duration = "8s"; stop_seconds = 1; truth = "flows.csv";'
    start_tcpdump
    sent_before=$(frames_on_link)
    start_daemon
    wait_for_frames
    sleep 1
    mv flows.csv flows.csv.1
    dayshift ctl --socket "$control" reload
    end_of_daemon
    capture_is_whole
    [ "$(head -n 1 flows.csv)" = "$(head -n 1 flows.csv.1)" ]
    [ "$(lines flows.csv.1)" -gt 0 ]
    report_says 'd["logged"]' $(($(lines) + $(lines flows.csv.1)))
    tail -n +2 flows.csv.1 >> flows.csv
    agrees 100000
}

@test "truth: files that are not to be written are refused" {
    touch real.csv
    ln -s real.csv flows.csv
    play 'duration = "1s"; truth = "flows.csv";'
    refuses 1 "/flows.csv: refused, because it is a symbolic link" in_near "$DAYSHIFTD" -c live.conf
    rm flows.csv
    ln real.csv flows.csv
    refuses 1 "/flows.csv: refused, because it has other names" in_near "$DAYSHIFTD" -c live.conf
    rm flows.csv
    touch flows.csv
    chmod 666 flows.csv
    refuses 1 "/flows.csv: refused, because everybody may write it" in_near "$DAYSHIFTD" -c live.conf
    rm flows.csv
    echo "something else" > flows.csv
    refuses 1 "/flows.csv: does not begin as this log does" in_near "$DAYSHIFTD" -c live.conf
    rm flows.csv
    mkfifo flows.csv
    refuses 1 "/flows.csv: not a regular file" in_near "$DAYSHIFTD" -c live.conf
    play 'duration = "1s"; truth = "nowhere/flows.csv";'
    refuses 1 "nowhere" in_near "$DAYSHIFTD" -c live.conf
    play 'duration = "1s"; truth = 7;'
    refuses 1 "truth" in_near "$DAYSHIFTD" -c live.conf
}

@test "truth: none of the files that are read is written, and a check makes and changes nothing" {
    cp "$model" plain.json
    players="populations = ( { model = \"plain.json\"; hosts = 5; network = \"198.18.0.0/24\"; } );"
    play 'duration = "1s"; truth = "./plain.json";'
    before=$(sha256sum plain.json live.conf)
    refuses 1 "plain.json: would overwrite plain.json" in_near "$DAYSHIFTD" -c live.conf
    refuses 1 "plain.json: would overwrite plain.json" "$DAYSHIFTD" -n -c live.conf
    [ "$(sha256sum plain.json live.conf)" = "$before" ]
    play 'duration = "1s"; truth = "live.conf";'
    refuses 1 "live.conf: would overwrite live.conf" in_near "$DAYSHIFTD" -c live.conf
    cp plain.json other.json
    play 'duration = "1s"; truth = "other.json";'
    refuses 1 "other.json: does not begin as this log does" in_near "$DAYSHIFTD" -c live.conf
    refuses 1 "other.json: does not begin as this log does" "$DAYSHIFTD" -n -c live.conf
    cmp plain.json other.json
    play 'duration = "1s"; truth = "flows.csv";'
    "$DAYSHIFTD" -n -c live.conf
    [ ! -e flows.csv ]
}

@test "truth: a file has one writer, and what a reload tries leaves it alone" {
    control=$PWD/control
    play 'duration = "60s"; stop_seconds = 1; truth = "flows.csv";'
    sent_before=$(frames_on_link)
    start_daemon
    wait_for_frames
    "$DAYSHIFTD" -n -c live.conf # by who wants to reload it
    sed "s|^control.*|control = \"$PWD/second\";|" live.conf > second.conf
    run in_near "$DAYSHIFTD" -c second.conf
    [ "$status" = 1 ]
    [[ $output == *"flows.csv: another dayshiftd writes it"* ]] || complain "$output"
    # What is refused for its model has made no file.
    echo "no model" > bad.dsm
    players='populations = ( { model = "bad.dsm"; hosts = 5; } );'
    play 'duration = "60s"; truth = "new.csv";'
    dayshift ctl --socket "$control" reload || true
    wait_for 10 grep -q "bad.dsm" words
    [ ! -e new.csv ]
    kill -INT "$daemon_pid"
    end_of_daemon
    lines_are_whole
}

@test "truth: a full disk is said, and costs no frame" {
    mkdir small
    mount -t tmpfs -o size=16k,mode=755 none small || skip "no tmpfs"
    play 'duration = "5s"; truth = "small/flows.csv";'
    start_daemon
    end_of_daemon || true
    cp small/flows.csv flows.csv
    umount small
    grep -q "small/flows.csv: cannot write: No space left on device" words
    report_says 'd["dropped"]' 0
    report_says 'd["unlogged"] > 0 and d["logged"] > 0' True
    report_says 'd["logged"]' "$(lines)"
    report_says 'd["logged"] + d["unlogged"] == d["flows"]' True
    lines_are_whole
}
