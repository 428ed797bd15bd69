#!/usr/bin/env bats
# Overlays: what is refused of them, what is played, with dayshiftd -w and on a link of its own (see live.bash). Rewriting,
# places in time and steering are tests/test_overlay.c's.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154 # each test is a subshell; bats and live.bash set and use the rest

setup_file()
{
    load helpers
    load live
    live_setup_file
    [ -z "$NO_LINK" ] || make_sample
    # Whatever one host says and hears in two minutes.
    tcpdump -nr "$BATS_FILE_TMPDIR/sample.pcap" -w "$BATS_FILE_TMPDIR/attack.pcap" -c 300 ip host "$ATTACKER" 2> /dev/null
}

teardown_file()
{
    live_teardown_file
}

ATTACKER=10.183.213.96 # of make_capture

setup()
{
    load helpers
    load live
    enter_scratch
    live_setup
    model=$BATS_FILE_TMPDIR/sample.dsm
    players="populations = ( { model = \"$model\"; network = \"198.18.0.0/24\"; hosts = 40; } );"
    cp "$BATS_FILE_TMPDIR/attack.pcap" .
    map="map = ( { from = \"$ATTACKER\"; to = \"198.18.0.250\"; } );"
}

teardown()
{
    live_teardown
}

# overlay LINE: one overlay with these keys
overlay()
{
    echo "overlays = ( { $1 } );"
}

# writes FILE LINE...: with -w, three minutes of the sample
writes()
{
    configure "$1.conf" "$players" "start = \"$SAMPLE_DATE $SAMPLE_START\"; duration = \"3m\";" "${@:2}"
    dayshiftd -q -j -w "$1" -c "$1.conf" > "$1.table"
}

# times FILE [FILTER]: seconds since the run's begin, of the frames that pass
times()
{
    tcpdump --time-stamp-precision=nano -ttnr "$1" "${@:2}" 2> /dev/null |
        awk -v begin="$(date -ud "$SAMPLE_DATE $SAMPLE_START" +%s)" \
            '{ split($1, t, "."); printf "%d.%s\n", t[1] - begin, t[2] }'
}

# ---- what is refused ----

@test "overlays: a bad value of every key is named with its line" {
    refuses_line 2 'overlays: 7 is not a list of 1 to 16 overlays' "$players" 'overlays = 7;'
    refuses_line 2 'overlays: () is not a list of 1 to 16 overlays' "$players" 'overlays = ();'
    refuses_line 2 'overlays: "x" is not { pcap = ...; at = ...; }' "$players" 'overlays = ( "x" );'
    refuses_line 2 'overlays: one has no pcap' "$players" "$(overlay 'at = "10:15";')"
    refuses_line 2 'overlays: "attack.pcap" has neither at nor after' "$players" "$(overlay 'pcap = "attack.pcap";')"
    refuses_line 2 'overlays: "attack.pcap" has at and after: one of them' "$players" \
        "$(overlay 'pcap = "attack.pcap"; at = "10:15"; after = "9s";')"
    for time in 25:00 10:15:61 '2026-02-30 10:15' 2026-02-03 noon ''; do
        refuses_line 2 "at: \"$time\" is not a time of every day" "$players" "$(overlay "pcap = \"a\"; at = \"$time\";")"
    done
    refuses_line 2 'after: "soon" is not a duration' "$players" "$(overlay 'pcap = "a"; after = "soon";')"
    refuses_line 2 'speed: 0 is not a number from 0.001 to 1000000' "$players" \
        "$(overlay 'pcap = "a"; at = "10:15"; speed = 0;')"
    refuses_line 2 'label: "a,b" is not a text of 1 to 63' "$players" "$(overlay 'pcap = "a"; at = "10:15"; label = "a,b";')"
    refuses_line 2 "unknown key 'file'" "$players" "$(overlay 'file = "a"; at = "10:15";')"
}

@test "overlays: a bad map is named with its line" {
    local begin='pcap = "attack.pcap"; at = "10:15"; map ='

    refuses_line 2 'map: 7 is not a list of 1 to 1024' "$players" "$(overlay "$begin 7;")"
    refuses_line 2 'map: one has no to' "$players" "$(overlay "$begin ( { from = \"10.0.0.1\"; } );")"
    refuses_line 2 'map: one has no from' "$players" "$(overlay "$begin ( { to = \"10.0.0.1\"; } );")"
    refuses_line 2 'map: "10.0.0.1" is not { from = ...; to = ...; }' "$players" "$(overlay "$begin ( \"10.0.0.1\" );")"
    refuses_line 2 'from: "10.0.0.1/24" is not an address, or a network' "$players" \
        "$(overlay "$begin ( { from = \"10.0.0.1/24\"; to = \"198.18.0.0/24\"; } );")"
    refuses_line 2 'map: 10.0.0.0/23 and 198.18.0.0/24 are not of one family and size' "$players" \
        "$(overlay "$begin ( { from = \"10.0.0.0/23\"; to = \"198.18.0.0/24\"; } );")"
    refuses_line 2 'map: 10.0.0.1 and 2001:db8::1 are not of one family and size' "$players" \
        "$(overlay "$begin ( { from = \"10.0.0.1\"; to = \"2001:db8::1\"; } );")"
    refuses_line 3 'map: 192.0.2.1 is neither in the network of a population nor in that of the outside' "$players" \
        'overlays = ( { pcap = "attack.pcap"; at = "10:15"; map = ( { from = "10.0.0.1"; to = "198.18.0.1"; },' \
        '{ from = "10.0.0.1"; to = "192.0.2.1"; } ); } );'
}

# refused_capture FILE TEXT
refused_capture()
{
    configure a.conf "$players" 'duration = "1m";' "$(overlay "pcap = \"$1\"; at = \"10:15\"; $map")"
    refuses 1 "dayshiftd: a.conf:3: pcap: $1: $2" dayshiftd -n -c a.conf
    refuses 1 "dayshiftd: a.conf:3: pcap: $1: $2" dayshiftd -w out.pcap -c a.conf
}

@test "overlays: captures that cannot be played" {
    local size

    refused_capture none.pcap 'cannot open: No such file'
    mkdir directory.pcap
    refused_capture directory.pcap 'not a capture: not a regular file'
    mkfifo pipe.pcap
    refused_capture pipe.pcap 'not a capture: not a regular file'
    : > empty.pcap
    refused_capture empty.pcap 'is empty'
    head -c 24 attack.pcap > bare.pcap
    refused_capture bare.pcap 'there is no frame in it'
    echo 'not a capture at all, but a text' > text.pcap
    refused_capture text.pcap 'not a readable capture'
    size=$(stat -c %s attack.pcap)
    head -c $((size - 7)) attack.pcap > cut.pcap
    refused_capture cut.pcap 'frame 300: truncated'
    { head -c 32 attack.pcap; printf '\377\377\377\177\377\377\377\177'; tail -c +41 attack.pcap; } > huge.pcap
    refused_capture huge.pcap 'frame 1: 2147483647 bytes captured, more than'
    xz < attack.pcap | head -c 2000 > cut.pcap.xz
    refused_capture cut.pcap.xz 'frame '
    "$HELPERS/make_capture" -l 147 other.pcap
    refused_capture other.pcap 'link type 147'
    map=
    refused_capture attack.pcap 'none of its 300 frames can be played: 300 between addresses outside (map one of them)'
}

@test "overlays: a capture that goes back in time" {
    tcpdump -nr attack.pcap -w first.pcap -c 1 2> /dev/null
    { cat attack.pcap; tail -c +25 first.pcap; } > back.pcap
    refused_capture back.pcap 'frame 301 is '
}

@test "overlays: -w does not write over a capture that it plays" {
    cp attack.pcap before.pcap
    configure a.conf "$players" 'duration = "1m";' "$(overlay "pcap = \"attack.pcap\"; at = \"10:15\"; $map")"
    refuses 1 'attack.pcap' dayshiftd -w attack.pcap -c a.conf
    cmp attack.pcap before.pcap
}

# ---- what is played ----

@test "overlays: one that the run does not come to is said" {
    local time

    for time in 'at = "2020-01-01 10:00"' 'at = "09:59"' 'after = "61s"'; do
        configure a.conf "$players" "start = \"$SAMPLE_DATE $SAMPLE_START\";" 'duration = "1m";' \
            "$(overlay "pcap = \"attack.pcap\"; $time; $map")"
        run -0 --separate-stderr dayshiftd -n -c a.conf
        [[ $stderr == 'dayshiftd: attack.pcap: it is not played: it begins '*', and the run does not come to that time' ]]
    done
    configure a.conf "$players" "start = \"$SAMPLE_DATE $SAMPLE_START\";" 'duration = "1m";' \
        "$(overlay "pcap = \"attack.pcap\"; after = \"59s\"; $map")"
    run -0 --separate-stderr dayshiftd -n -c a.conf
    [ -z "$stderr" ]
}

@test "overlays: -n says what is played, and when" {
    "$HELPERS/make_capture" mixed.pcap
    configure a.conf "$players" "start = \"$SAMPLE_DATE $SAMPLE_START\";" "overlays = (
        { pcap = \"attack.pcap\"; at = \"10:01:00.25\"; label = \"scan\"; speed = 2; $map },
        { pcap = \"attack.pcap\"; at = \"2026-03-03 10:01\"; $map },
        { pcap = \"mixed.pcap\"; after = \"1.5s\"; $map } );"
    run -0 --separate-stderr dayshiftd -n -c a.conf
    [[ ${lines[0]} =~ ^'attack.pcap: "scan" every day at 10:01:00.250, for '[0-9.]+' s: 300 of 300 frames'$ ]]
    [[ ${lines[1]} =~ ^'attack.pcap: at 2026-03-03 10:01:00, for '[0-9.]+' s: 300 of 300 frames'$ ]]
    [[ ${lines[2]} =~ ^'mixed.pcap: 1.5 s after the begin, for '[0-9.]+' s: 2,174 of 15,188 frames'$ ]]
    [ "${lines[3]}" = "a.conf: good" ]
    [[ $stderr =~ ^'dayshiftd: mixed.pcap: '[0-9,]+' of '[0-9,]+' frames cannot be played: '.*'not IP, '.*'between addresses outside' ]]
    [ "${#stderr_lines[@]}" -eq 1 ]
}

@test "overlays: twice the same bytes, each frame at its place" {
    need tshark
    writes a.pcap "$(overlay "pcap = \"attack.pcap\"; at = \"10:01:00.25\"; $map")"
    writes b.pcap "$(overlay "pcap = \"attack.pcap\"; at = \"10:01:00.25\"; $map")" 'threads = 3;'
    cmp a.pcap b.pcap
    [ "$(json_value a.pcap.table 'd["overlays"]')" = 1 ]
    [ "$(json_value a.pcap.table 'd["refused"]')" = 0 ]
    # The capture's own times, from its first frame on, as far as the run reaches.
    times a.pcap 'host 198.18.0.250' > places
    [ "$(json_value a.pcap.table 'd["overlay_frames"]')" = "$(wc -l < places)" ]
    tcpdump --time-stamp-precision=nano -ttnr attack.pcap 2> /dev/null | awk '{ print $1 }' |
        awk '{ split($1, t, "."); ns = t[1] * 1e9 + t[2]; if (NR == 1) first = ns; ns += 60.25e9 - first
               if (ns < 180e9) printf "%.6f\n", ns / 1e9 }' > wanted
    diff <(awk '{ printf "%.6f\n", $1 }' places) wanted
    # No sum is wrong that was right.
    [ -z "$(tshark -r a.pcap -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE -o udp.check_checksum:TRUE \
        -Y 'ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0' 2> /dev/null)" ]
}

@test "overlays: the log of flows has theirs, packet by packet" {
    need python3
    chmod 755 . # it is root's, and not for others to write
    writes a.pcap 'truth = "flows.csv";' "$(overlay "pcap = \"attack.pcap\"; after = \"9s\"; label = \"scan\"; speed = 20; $map")"
    run -0 python3 "$SOURCE/tests/flows_agree.py" flows.csv a.pcap --late 10
    [[ $output == *", $(json_value a.pcap.table 'd["sent"]') packets: 0 disagree" ]]
    [ "$(grep -c ',scan,.*,attack\.pcap,' flows.csv)" -gt 10 ]
    [ "$(grep -c 198.18.0.250 flows.csv)" -eq "$(grep -c ',attack\.pcap,' flows.csv)" ]
    # It came to its end: none of its flows was cut.
    [ -z "$(grep ',attack\.pcap,' flows.csv | grep -v ',0$')" ]
}

# The background is the same without them.
@test "overlays: nothing else changes" {
    writes with.pcap "$(overlay "pcap = \"attack.pcap\"; after = \"20s\"; $map")"
    writes without.pcap
    run -0 "$HELPERS/same_frames" <(tcpdump -r with.pcap -w - 'not host 198.18.0.250' 2> /dev/null) without.pcap
}

@test "overlays: the same from pcapng, compressed, and other link types" {
    local way ways=0

    "$HELPERS/make_capture" all.pcap
    writes wanted.pcap "$(overlay "pcap = \"all.pcap\"; at = \"10:00:10\"; $map")"
    "$HELPERS/make_capture" -n all.pcapng
    writes pcapng.pcap "$(overlay "pcap = \"all.pcapng\"; at = \"10:00:10\"; $map")"
    cmp wanted.pcap pcapng.pcap
    xz -k all.pcap
    writes xz.pcap "$(overlay "pcap = \"all.pcap.xz\"; at = \"10:00:10\"; $map")"
    cmp wanted.pcap xz.pcap
    for way in vlan sll raw; do
        "$HELPERS/make_capture" -e "$way" way.pcap 2> /dev/null || continue
        writes other.pcap "$(overlay "pcap = \"way.pcap\"; at = \"10:00:10\"; $map")"
        cmp wanted.pcap other.pcap
        ways=$((ways + 1))
    done
    [ "$ways" -ge 2 ]
}

# What TCP and UDP carry, from or for an address.
payloads()
{
    tshark -r "$1" -Y "ip.addr == $2 && (tcp || udp) && !icmp" -T fields -e tcp.srcport -e tcp.dstport -e tcp.seq_raw \
        -e tcp.payload -e udp.srcport -e udp.dstport -e udp.payload -e ip.id 2> /dev/null
}

@test "overlays: a capture of real hosts" {
    local capture=${DAYSHIFT_CAPTURES:-}/iot_sentinel/Aria.pcap

    need tshark
    [ -n "${DAYSHIFT_CAPTURES:-}" ] || skip "no DAYSHIFT_CAPTURES"
    [ -r "$capture" ] || skip "no iot_sentinel/Aria.pcap in DAYSHIFT_CAPTURES"
    writes a.pcap "$(overlay "pcap = \"$capture\"; at = \"10:00:05\"; speed = 100;
        map = ( { from = \"10.10.10.123\"; to = \"198.18.0.250\"; } );")" 2> words
    [ "$(json_value a.pcap.table 'd["refused"]')" = 0 ]
    payloads "$capture" 10.10.10.123 > before
    payloads a.pcap 198.18.0.250 > after
    [ "$(wc -l < after)" -gt 100 ] # as far as the run reaches
    cmp after <(head -n "$(wc -l < after)" before)
}

# ---- on a link ----

# places_of_attack SECONDS...: where its frames belong, when it is played 100 times as fast from each of those on
places_of_attack()
{
    tcpdump --time-stamp-precision=nano -ttnr attack.pcap 2> /dev/null | awk -v begins="$*" '
        { split($1, t, "."); if (NR == 1) { s = t[1]; ns = t[2] } of[NR] = (t[1] - s + (t[2] - ns) / 1e9) / 100 }
        END { for (k = split(begins, begin, " "); k > 0; k--) for (i = 1; i <= NR; i++) printf "%.9f\n", begin[k] + of[i] }' |
        sort -n
}

# How late frames leave and arrive is the machine's affair (bench/overlay.sh); when they are due is not.
@test "overlays: due at their places, and on the wire in order, all of it, byte for byte" {
    need_link
    model=$PUBLIC/sample.dsm
    play 'duration = "5s";' "overlays = (
        { pcap = \"attack.pcap\"; at = \"10:00:10\"; speed = 100; label = \"fast\"; $map },
        { pcap = \"attack.pcap.xz\"; after = \"2s\"; speed = 100; $map } );"
    xz -k attack.pcap
    start_tcpdump
    start_daemon
    dayshiftd -q -j -w file.pcap -c live.conf > table
    end_of_daemon
    sums_are_right
    report_says 'd["refused"] + d["dropped"]' 0
    report_says 'd["overlays"]' 2
    report_says 'd["overlay_frames"]' 600
    end_tcpdump "$(json_value table 'd["sent"]')"
    run -0 "$HELPERS/same_frames" file.pcap wire.pcap
    times file.pcap 'host 198.18.0.250' > due
    [ "$(wc -l < due)" -eq 600 ]
    places_of_attack 1 2 > places
    [ -z "$(paste due places | awk '{ off = $1 - $2; if (NF != 2 || off > 0.001 || off < -0.001) print }')" ]
}

@test "overlays: dayshift ctl shows them" {
    need_link
    model=$PUBLIC/sample.dsm
    control=$PWD/control.sock
    play 'duration = "30s";' "$(overlay "pcap = \"attack.pcap\"; after = \"100ms\"; speed = 1000; $map")"
    start_daemon
    wait_for 10 overlay_is_played
    run -0 dayshift ctl -s "$control" status
    [[ $output =~ 'overlays '\ +1\ +begun ]]
    kill -INT "$daemon_pid"
    end_of_daemon
    sums_are_right
}

overlay_is_played()
{
    dayshift ctl -s "$control" --json status > now 2> /dev/null && [ "$(json_value now 'd["overlay_frames"]')" = 300 ]
}

# status_says EXPRESSION: of what ctl says now
status_says()
{
    dayshift ctl -s "$control" --json status > now 2> /dev/null && [ "$(json_value now "$1")" = True ]
}

# Somebody writes over the capture while it is played: the background goes on, also in the next engine.
@test "overlays: one that changes is cut, and the run goes on" {
    local words_of_it='dayshiftd: overlay 1 is not played any more: big.pcap: '

    need_link
    model=$PUBLIC/sample.dsm
    control=$PWD/control.sock
    "$HELPERS/make_capture" big.pcap
    play 'duration = "1m";' "$(overlay "pcap = \"big.pcap\"; after = \"100ms\"; speed = 10; $map")"
    start_daemon
    wait_for 10 status_says 'd["overlay_frames"] > 0'
    yes 'something else' | head -c "$(stat -c %s big.pcap)" > other
    cat other > big.pcap
    wait_for 30 status_says 'd["overlays_cut"] == 1'
    sent_before=$(json_value now 'd["sent"]')
    wait_for 20 status_says "d[\"sent\"] > $sent_before + 100"
    status_says 'd["restarts"] == 0'
    [ "$(grep -c "^$words_of_it" words)" -eq 1 ]
    kill -SEGV "$(json_value now 'd["engine"]')"
    wait_for 20 status_says 'd["restarts"] == 1 and d["overlays_cut"] == 2'
    sent_before=$(json_value now 'd["sent"]')
    wait_for 20 status_says "d[\"sent\"] > $sent_before + 100"
    kill -INT "$daemon_pid"
    end_of_daemon
    sums_are_right
    [ "$(grep -c "^$words_of_it" words)" -eq 2 ] # each engine once
    report_says 'd["restarts"]' 1
}
