#!/usr/bin/env bats
# dayshift ctl: what it says of a dayshiftd that is not there, does not answer or answers nonsense; and what it does to
# one that plays, on a link of its own (live.bash). That needs root.
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
    enter_scratch
    server=$BATS_TEST_TMPDIR/server # its files, apart from what ctl might leave
    mkdir "$server"
    server_pid=
    live_setup
}

teardown()
{
    end_process "$server_pid"
    live_teardown
}

# answer TEXT: listens on `sock` for one client and sends it that. `asked` gets what it was asked.
answer()
{
    rm -f "$server/sock"
    printf %s "$1" > "$server/answer"
    (cd "$server" && exec python3 -c '
import os, socket
listening = socket.socket(socket.AF_UNIX)
listening.bind("new")
listening.listen(1)
os.rename("new", "sock")
client = listening.accept()[0]
open("asked", "wb").write(client.recv(4096))
try:
    client.sendall(open("answer", "rb").read())
except OSError:
    pass') 3>&- &
    server_pid=$!
    wait_for 5 test -S "$server/sock"
}

ctl()
{
    dayshift ctl -s "$server/sock" "$@"
}

@test "how it is used" {
    refuses 2 "a command is missing" dayshift ctl
    refuses 2 "there is no command 'halt'" dayshift ctl halt
    refuses 2 "there is no command '?[2J'" dayshift ctl $'\x1b[2J'
    refuses 2 "speed: a value is missing" dayshift ctl speed
    refuses 2 "speed: '3' is too much" dayshift ctl speed 2 3
    refuses 2 "pause: 'now' is too much" dayshift ctl pause now
    refuses 2 "speed: '1?stop' is not a number" dayshift ctl speed $'1\nstop'
    refuses 2 "activity: '' is not a number" dayshift ctl activity ''
    refuses 2 "speed: the value is too long" dayshift ctl speed "$(printf '%0250d' 0)"
}

@test "nobody is there" {
    refuses 1 "nowhere: nobody listens: is dayshiftd running?" dayshift ctl -s nowhere status
    refuses 1 "nobody listens" dayshift ctl -s no/where status
    : > file
    refuses 1 "file: nobody listens" dayshift ctl -s file status
    refuses 1 "the path of a socket has at most 107 bytes" dayshift ctl -s "$(printf '%0108d' 0)" status
}

@test "somebody who may not is told who may" {
    need setpriv
    [ "$(id -u)" = 0 ] || skip "not root"
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR" .
    setpriv --reuid=nobody --clear-groups test -x "$PWD" || skip "the directory of the tests is private"
    cp "$DAYSHIFT" program
    answer '{}'
    chmod 600 "$server/sock"
    refuses 1 "sock: permission denied: only user root may" \
        setpriv --reuid=nobody --clear-groups ./program ctl -s "$server/sock" status
    chmod 660 "$server/sock"
    refuses 1 "sock: permission denied: only user root and members of group root may" \
        setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups ./program ctl -s "$server/sock" status
}

@test "requests and answers" {
    answer '{"ok":true,"text":"speed 2","speed":2.0}'
    run -0 --separate-stderr ctl speed 2
    [ "$output" = "speed 2" ]
    [ "$(cat "$server/asked")" = "speed 2" ]
    answer '{"ok":true,"text":"one\n  two\n"}'
    run -0 --separate-stderr ctl status
    [ "$output" = $'one\n  two' ]
    [ "$(cat "$server/asked")" = "status table" ]
    answer '{"ok":true,"state":"paused"}'
    ctl --json status > as_json
    [ "$(json_value as_json 'd["state"]')" = paused ]
    [ "$(cat "$server/asked")" = status ]
    answer '{"error":"speed: not now"}'
    refuses 1 "sock: speed: not now" ctl speed 2
}

@test "answers that are none" {
    local text

    for text in '' 'nonsense' '[]' '{' '{"ok":true}' '{"ok":false,"text":"a"}' '{"text":"a"}' '{"error":1}' \
                $'\xff\xfe' '{"ok":true,"text":"a"}{}'; do
        answer "$text"
        refuses 1 "sock: " ctl pause
    done
    answer "$(printf '%02000000d' 0)"
    refuses 1 "sock: the answer has more than 1048576 bytes" ctl pause
    answer "$(printf '%0900000d' 0)"
    refuses 1 "sock: the answer is no JSON object" ctl pause
}

@test "answers move no cursor" {
    answer '{"ok":true,"text":"a\u001b[2Jb\u0007\u009bc\td\u007f"}'
    run -0 --separate-stderr ctl pause
    [ "$output" = 'a?[2Jb???c?d?' ]
    answer '{"error":"a\u001b[2Jb\nc\u009bd"}'
    refuses 1 'sock: a?[2Jb?c??d' ctl pause
    answer '{"ok":true,"text":"a\u001b[2Jb\u009bc"}'
    run -0 --separate-stderr ctl --json pause
    [[ $output == *'a\u001B[2Jb\u009Bc'* ]]
}

# ---- one that plays ----

# play_controlled LINE...: as play, with a socket.
play_controlled()
{
    need_link
    control=$PWD/sock
    play 'stop_seconds = 1;' "$@"
    start_daemon
    sent_before=$(frames_on_link)
    wait_for_frames
}

live()
{
    dayshift ctl -s sock "$@"
}

# status_is EXPRESSION VALUE
status_is()
{
    live --json status > status.json
    [ "$(json_value status.json "$1")" = "$2" ]
}

status_says()
{
    status_is "$@" || complain "$1 is not $2:" "$(cat status.json)"
}

# What is played, in seconds.
day_now()
{
    live --json status > status.json
    date -d "$(json_value status.json 'd["day"]')" +%s
}

# has_passed SECONDS BEGIN
has_passed()
{
    [ $(($(day_now) - $2)) -ge "$1" ]
}

# Nothing goes out, for as long as that takes to see.
stands_still()
{
    local before

    before=$(frames_on_link)
    sleep 1
    [ "$(frames_on_link)" = "$before" ]
}

@test "live: pause and resume" {
    play_controlled 'duration = "60s";'
    run -0 live pause
    [ "$output" = paused ]
    wait_for 5 stands_still
    status_says 'd["state"]' paused
    stands_still
    run -0 live pause # harmless
    run -0 live resume
    [ "$output" = resumed ]
    sent_before=$(frames_on_link)
    wait_for_frames
    status_says 'd["state"]' playing
    status_says 'd["stalls"]' 0
    run -0 live stop
    end_of_daemon
    sums_are_right
}

@test "live: a pause before it begins" {
    need_link
    control=$PWD/sock
    players="populations = ( { model = \"$model\"; network = \"10.0.0.0/8\"; hosts = 200000; } );"
    play 'duration = "60s";'
    start_daemon
    wait_for 10 live status
    status_says 'd["state"]' starting
    live pause
    wait_for 60 status_is 'd["state"]' paused
    status_says 'd["sent"]' 0
    live resume
    wait_for 5 status_is 'd["sent"] > 0' True
    kill -INT "$daemon_pid"
    end_of_daemon
    sums_are_right
}

@test "live: a pause changes nothing of what is sent" {
    need_link
    start_tcpdump
    play_controlled 'duration = "5s";' 'seed = 99;'
    live pause
    sleep 1
    live resume
    end_of_daemon
    "$DAYSHIFTD" -q -j -w file.pcap -c live.conf > table
    report_says 'd["dropped"]' 0
    report_says 'd["flows"]' "$(json_value table 'd["flows"]')"
    end_tcpdump "$(json_value table 'd["sent"]')"
    run -0 "$HELPERS/same_frames" file.pcap wire.pcap
    [ "$output" = "$(json_value table 'd["sent"]') frames, all the same" ]
    [ ! -e sock ]
}

@test "live: speed" {
    local day

    play_controlled 'duration = "60s";'
    status_says 'd["speed"]' 10.0
    run -0 live speed 500
    [ "$output" = "speed 500" ]
    status_says 'd["speed"]' 500.0
    day=$(day_now)
    wait_for 20 has_passed 1200 "$day" # at a pace of 10 that would take two minutes
    refuses 1 "speed: '0' is not a number from 0.001 to 1000000" live speed 0
    status_says 'd["speed"]' 500.0
    live stop
    end_of_daemon
    sums_are_right
}

@test "live: activity" {
    play_controlled 'duration = "60s";'
    run -0 live activity 0.25
    [ "$output" = "activity 0.25" ]
    status_says 'd["activity"]' 0.25
    refuses 1 "activity: '1001' is not a number from 0.001 to 1000" live activity 1001
    live stop
    end_of_daemon
    sums_are_right
}

@test "live: status" {
    play_controlled 'duration = "60s";'
    status_says 'd["planned"] - d["sent"] - d["dropped"] - d["refused"]' 0
    status_says 'd["state"], d["hosts"], d["restarts"], d["links"][0]["interface"], d["links"][0]["up"]' \
        "('playing', 40, 0, 'dsd0', True)"
    status_says 'd["sent"] > 0 and d["sent"] == d["links"][0]["sent"]' True
    run -0 --separate-stderr live status
    [[ ${lines[0]} =~ ^dayshiftd:\ playing\ for\ [0-9]+\ s,\ at\ $SAMPLE_DATE.*,\ speed\ 10,\ activity\ 1$ ]]
    [[ $output == *"frames planned "*"= sent + dropped + refused"* ]]
    live stop
    end_of_daemon
}

@test "live: stop" {
    play_controlled 'duration = "60s";'
    run -0 live stop
    [ "$output" = stopping ]
    end_of_daemon
    report_says 'd["ended"]' "a request to stop"
    sums_are_right
    [ ! -e sock ]
    refuses 1 "sock: nobody listens" live status
}

@test "live: reload" {
    local engine

    play_controlled 'duration = "60s";'
    engine=$(live --json status | python3 -c 'import json, sys; print(json.load(sys.stdin)["engine"])')
    sed -i 's/hosts = 40/hosts = 4000000000/' live.conf
    run -1 --separate-stderr live reload
    [[ $stderr == *hosts* ]]
    status_says 'd["engine"]' "$engine"
    sed -i 's/hosts = 4000000000/hosts = 30/' live.conf
    live speed 20
    live pause
    run -0 live reload
    [ "$output" = reloaded ]
    # As the new configuration says; and who paused it wants it to stand still.
    wait_for 20 status_is 'd["state"], d["speed"], d["engine"] == '"$engine" "('paused', 10.0, False)"
    live resume
    wait_for 20 status_is 'd["state"], d["links"][0]["sent"] > 0' "('playing', True)"
    live stop
    end_of_daemon
    sums_are_right
}

@test "live: the socket is root's, and its group's" {
    play_controlled 'duration = "60s";'
    [ "$(stat -c '%a %U' sock)" = "600 root" ]
    live stop
    end_of_daemon
    play_controlled 'duration = "60s";' "control_group = \"$(id -gn nobody)\";"
    [ "$(stat -c '%a %U %G' sock)" = "660 root $(id -gn nobody)" ]
    live stop
    end_of_daemon
}

@test "live: a socket for each" {
    play_controlled 'duration = "60s";'
    refuses 1 "sock: another dayshiftd answers there" in_near "$DAYSHIFTD" -c live.conf
    status_says 'd["state"]' playing
    live stop
    end_of_daemon
}

@test "live: no socket" {
    need_link
    play 'duration = "1s";'
    start_daemon
    end_of_daemon
    [ -z "$(find . -type s)" ]
}

# Whoever may connect can do no more than that.
@test "live: garbage and crowds on the socket" {
    play_controlled 'duration = "60s";'
    timeout 60 python3 -c '
import random, socket
random.seed(1)
held = []
for i in range(300):
    client = socket.socket(socket.AF_UNIX)
    client.connect("sock")
    kind = i % 5
    try:
        if kind == 0:
            client.sendall(random.randbytes(random.randrange(1, 2000)))
        elif kind == 1:
            client.sendall(b"status\n" * 100)
        elif kind == 2:
            client.sendall(b"speed " + random.randbytes(20) + b"\n")
        elif kind == 3:
            client.sendall(b"sta")
    except OSError:
        pass # it was closed already
    held.append(client)
'
    live status > /dev/null
    status_says 'd["state"], d["restarts"], d["speed"]' "('playing', 0, 10.0)"
    live stop
    end_of_daemon
    sums_are_right
}
