#!/usr/bin/env bats
# dayshift ctl: what it says of a dayshiftd that is not there, does not answer or answers nonsense.
# shellcheck disable=SC2154 # bats sets stderr_lines

setup()
{
    load helpers
    enter_scratch
    server=$BATS_TEST_TMPDIR/server # its files, apart from what ctl might leave
    mkdir "$server"
    server_pid=
}

teardown()
{
    [ -z "$server_pid" ] || { kill "$server_pid" && wait "$server_pid"; } 2> /dev/null || true
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
