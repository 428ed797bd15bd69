#!/usr/bin/env bats
# dayshift learn as a user runs it: what it takes, what becomes of damage, what must not be in a model.
# Nothing is sent but between two network namespaces made here.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # each test is a subshell; bats sets stderr_lines

setup_file()
{
    load helpers
    make_sample
}

setup()
{
    load helpers
    enter_scratch
    sample=$BATS_FILE_TMPDIR/sample.pcap
    model=$BATS_FILE_TMPDIR/sample.dsm
    map=$BATS_FILE_TMPDIR/sample.map
    near=
}

teardown()
{
    [ -z "$near" ] || remove_namespaces
}

# ---- what the tests share ----

# teaches MODEL ARGUMENT...: learn, without a word, makes a model of exactly these bytes
teaches()
{
    local wanted=$1
    shift

    run -0 --separate-stderr dayshift learn -q -o taught.dsm "$@"
    [ -z "$output$stderr" ] || complain "$*" "$output$stderr"
    cmp "$wanted" taught.dsm || complain "another model: $*"
}

# learn_damaged TEXT ARGUMENT...: taught.dsm is made of a part of the input, as one line says, and what
# becomes of the rest. The summary is in `json`.
learn_damaged()
{
    local text=$1
    shift

    run -3 --separate-stderr dayshift learn --json -o taught.dsm "$@"
    [ "${#stderr_lines[@]}" -eq 1 ] || complain "$*" "not one line: $stderr"
    [[ $stderr == "dayshift: "*"$text"* ]] || complain "$*" "no '$text' in: $stderr"
    [[ $stderr == *"; what was read of it counts" || $text == *"; it is left out" ]] || complain "$stderr"
    echo "$output" > json
}

# learn_json ARGUMENT...: taught.dsm, and the summary in `json`
learn_json()
{
    run -0 --separate-stderr dayshift learn --json -o taught.dsm "$@"
    [ -z "$stderr" ] || complain "$*" "$stderr"
    echo "$output" > json
}

# has EXPRESSION WANTED: a value of `json`
has()
{
    run -0 json_value json "$1"
    [ "$output" = "$2" ] || complain "$1: $output, not $2"
}

query()
{
    sqlite3 taught.dsm "$1"
}

# Frames $2 (1-5, 7, ...) of capture $1 as capture $3.
select_frames()
{
    # shellcheck disable=SC2086 # words
    editcap -F pcap -r "$1" "$3" $2 2> editcap.words || complain "$(cat editcap.words)"
}

# The sample in seven captures part_*.pcap of here.
cut_in_seven()
{
    need editcap
    editcap -F pcap -c 2170 "$sample" part.pcap
    set -- part_*.pcap
    [ $# -eq 7 ]
}

# edit_capture NAME CODE: the sample with changed records: [seconds, microseconds, frame] in the list `r`.
edit_capture()
{
    python3 - "$sample" "$@" <<'PYTHON'
import struct, sys
data = open(sys.argv[1], "rb").read()
r, at = [], 24
while at < len(data):
    s, us, size, _ = struct.unpack_from("<IIII", data, at)
    r.append([s, us, data[at + 16:at + 16 + size]])
    at += 16 + size
exec(sys.argv[3])
with open(sys.argv[2], "wb") as out:
    out.write(data[:24])
    for s, us, frame in r:
        out.write(struct.pack("<IIII", s, us, len(frame), len(frame)) + frame)
PYTHON
}

# Prints a conn.log as Zeek would write it of a pcap without IPv6.
zeek_log_of()
{
    python3 - "$1" <<'PYTHON'
import struct, sys
data = open(sys.argv[1], "rb").read()
latest, flows, at = {}, [], 24
while at < len(data):
    s, us, size, _ = struct.unpack_from("<IIII", data, at)
    frame, at = data[at + 16:at + 16 + size], at + 16 + size
    if frame[12:14] != b"\x08\x00":
        continue
    ip = frame[14:]
    total, proto = struct.unpack_from("!H", ip, 2)[0], ip[9]
    ends = [".".join(map(str, ip[12:16])), ".".join(map(str, ip[16:20]))]
    body = ip[20:total]
    ports = [8, 0] if proto == 1 else list(struct.unpack_from("!HH", body))
    key = proto, tuple(sorted(zip(ends, ports))) if proto != 1 else (tuple(sorted(ends)), body[4:6])
    now = s + us / 1e6
    f = latest.get(key)
    if f is None or (body[13] & 18 == 2 if proto == 6 else now - f["last"] > 60):
        f = latest[key] = {"first": (s, us), "ends": ends, "ports": ports, "proto": proto,
                           "packets": [0, 0], "bytes": [0, 0], "payload": [0, 0]}
        flows.append(f)
    side = int(ends != f["ends"])
    f["last"] = now
    f["packets"][side] += 1
    f["bytes"][side] += total
    f["payload"][side] += len(body) - ((body[12] >> 4) * 4 if proto == 6 else 8)
print("#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn")
print("#fields", "ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "service", "duration",
      "orig_bytes", "resp_bytes", "conn_state", "history", "orig_pkts", "orig_ip_bytes", "resp_pkts",
      "resp_ip_bytes", sep="\t")
for f in flows:
    print("%d.%06d" % f["first"], "C", f["ends"][0], f["ports"][0], f["ends"][1], f["ports"][1],
          {1: "icmp", 6: "tcp", 17: "udp"}[f["proto"]], "-",
          "%.6f" % (f["last"] - f["first"][0] - f["first"][1] / 1e6), *f["payload"], "SF",
          "ShADadFf" if f["proto"] == 6 else "Dd", f["packets"][0], f["bytes"][0], f["packets"][1],
          f["bytes"][1], sep="\t")
print("#close\t2026-03-03-00-00-00")
PYTHON
}

# Small logs of two hosts: 10.0.2.1 opens a connection to 192.0.2.2, 10.0.2.2 asks somebody.
write_nfdump()
{
    cat <<'CSV'
ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt
2018-01-12 15:37:30,2018-01-12 15:37:31,1.000,10.0.2.1,192.0.2.2,52324,22,TCP,...AP.SF,0,0,5,560,0,0
2018-01-12 15:37:30,2018-01-12 15:37:31,1.000,192.0.2.2,10.0.2.1,22,52324,TCP,...AP.SF,0,0,4,4160,0,0
2018-01-12 15:37:40,2018-01-12 15:37:40,0.000,10.0.2.2,10.0.2.1,40000,53,UDP,........,0,0,1,70,0,0
Summary
flows,bytes,packets,avg_bps,avg_pps,avg_bpp
3,4790,10,1,1,1
CSV
}

write_ugr16()
{
    cat <<'CSV'
2016-04-11 00:01:39,22.052,10.0.2.1,192.0.2.2,17784,22,TCP,.AP.SF,0,0,35,3928,background
2016-04-11 00:01:39,22.052,192.0.2.2,10.0.2.1,22,17784,TCP,.AP.SF,0,0,30,4928,background
2016-04-11 00:02:39,0,10.0.2.2,192.0.2.2,1234,53,UDP,......,0,0,1,70,background
2016-04-11 00:02:39,0,10.0.2.2,192.0.2.2,0,0,GRE,......,0,0,1,70,background
CSV
}

write_zeek_json()
{
    cat <<'JSON'
{"ts":1713484784.962686,"id.orig_h":"10.0.2.1","id.orig_p":17784,"id.resp_h":"192.0.2.2","id.resp_p":22,"proto":"tcp","duration":65.022705,"orig_bytes":364,"resp_bytes":654,"conn_state":"SF","history":"ShADadfF","orig_pkts":7,"orig_ip_bytes":736,"resp_pkts":6,"resp_ip_bytes":1026}
{"ts":"2024-04-19T00:00:44.962686Z","id.orig_h":"10.0.2.2","id.orig_p":17784,"id.resp_h":"10.0.2.1","id.resp_p":53,"proto":"udp","conn_state":"S0","orig_pkts":1,"orig_ip_bytes":60,"resp_pkts":0,"resp_ip_bytes":0}
JSON
}

write_argus()
{
    cat <<'CSV'
StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,SrcBytes,SrcPkts,Label
2019/04/04 16:23:00.325010,4.5,tcp,10.0.2.1,17784,   ->,192.0.2.2,22,FSPA_FSRPA,0,0,10,7200,720,6,
2019/04/04 16:23:10.325010,0.5,udp,10.0.2.1,17785,  <->,192.0.2.2,53,CON,0,0,2,220,80,1,
2019/04/04 16:23:20.325010,0.5,udp,10.0.2.2,17785,   ->,192.0.2.2,53,INT,0,0,1,80,80,1,
CSV
}

write_lanl()
{
    cat <<'CSV'
118783,6976,Comp450942,Comp829338,6,Port03137,445,1665,1108,300810,250408
118784,0,Comp450942,Comp829339,17,Port03138,53,1,1,80,150
118785,1,Comp450943,ActiveDirectory,6,Port03138,389,10,8,1000,2000
CSV
}

write_own()
{
    cat <<'CSV'
when;span;who;whom;from;to;what;n;o;rn;ro
1600000000.5;1.5;10.0.2.1;192.0.2.2;40000;22;6;5;500;4;4000
1600000010.5;1.5;10.0.2.1;192.0.2.2;40001;22;6;5;500;4;4000
1600000020.5;0;10.0.2.2;192.0.2.2;40001;53;17;1;70;1;150
CSV
}

OWN_NAMES=start=when,duration=span,src=who,dst=whom,sport=from,dport=to,proto=what,packets=n,bytes=o,rpackets=rn,rbytes=ro
OWN_NUMBERS=start=1,duration=2,src=3,dst=4,sport=5,dport=6,proto=7,packets=8,bytes=9,rpackets=10,rbytes=11

# ---- one file in every form ----

@test "a capture teaches the same in every form" {
    local form tool

    "$HELPERS/make_capture" -n sample.pcapng
    for tool in gzip:gz xz:xz zstd:zst bzip2:bz2 lz4:lz4; do
        if command -v "${tool%:*}" > /dev/null; then
            "${tool%:*}" -1 -c < "$sample" > "sample.pcap.${tool#*:}"
            "${tool%:*}" -1 -c < sample.pcapng > "sample.pcapng.${tool#*:}"
        fi
    done
    for form in "$sample" sample.*; do
        teaches "$model" "$form"
        teaches "$model" - < "$form"
        teaches "$model" <(cat "$form") # a pipe with a name
    done
    dayshift learn -o - "$sample" > new.dsm
    cmp "$model" new.dsm
}

@test "a capture in parts, in any order, teaches what the whole does" {
    local jobs

    cut_in_seven
    for jobs in 1 2 3; do
        teaches "$model" -j "$jobs" "$sample"
        teaches "$model" -j "$jobs" part_*.pcap
        teaches "$model" -j "$jobs" part_0000[4206513]_*.pcap
        teaches "$model" -j "$jobs" part_00004_* part_00002_* part_00006_* part_00000_* part_00005_* \
            part_00001_* part_00003_*
        teaches "$model" -j "$jobs" part_00004_* - part_00006_* part_00000_* part_00005_* part_00001_* \
            part_00003_* < "$(echo part_00002_*)"
    done
    mkdir folder
    mv part_* folder
    gzip -1 folder/part_00001_*
    for jobs in 1 2 3; do
        teaches "$model" --jobs "$jobs" folder
    done
    learn_json -j 3 folder
    has 'd["inputs"], d["damaged"], d["frames"], d["flows"], d["packets"]' "(7, 0, 15188, 1233, 15020)"
}

@test "learn says what it read, learned and wrote" {
    run -0 --separate-stderr dayshift learn -o new.dsm "$sample"
    [ "${lines[0]}" = "read     15,188 frames, 1,233 flows, 19.6 minutes from $SAMPLE_DATE on" ]
    [ "${lines[1]}" = "skipped  168 frames: not IP" ]
    [ "${lines[2]}" = "local    10.0.0.0/8 (found from the data; --local names others)" ]
    [[ ${lines[3]} == "learned  12 hosts, 55 states, "*", 5 services, 4 of 288 slices of the day" ]]
    [ "${lines[4]}" = "wrote    new.dsm" ]
    [ "${#lines[@]}" -eq 5 ]
    [ -z "$stderr" ]
    run -0 --separate-stderr dayshift learn --quiet -o new.dsm "$sample"
    [ -z "$output$stderr" ]
    learn_json "$sample"
    has 'd["frames"], d["flows"], d["packets"], d["hosts"], d["states"], d["services"], d["covered_slices"]' \
        "(15188, 1233, 15020, 12, 55, 5, 4)"
    has 'd["skipped"].pop("not_ip"), {*d["skipped"].values(), *d["remarks"].values(), *d["given_up"].values()}' \
        "(168, {0})"
    has 'd["model"], d["records"], d["local"]' \
        "('taught.dsm', 0, {'basis': 'found', 'networks': ['10.0.0.0/8']})"
}

@test "progress is for a terminal" {
    local long

    need script
    # Long enough for the first word, which comes after a fifth of a second.
    python3 "$SOURCE/bench/flood.py" scan 1600000 > scan.pcap
    long="learn -o new.dsm scan.pcap"
    # shellcheck disable=SC2086 # words
    run -0 --separate-stderr dayshift $long
    [ -z "$stderr" ]
    run -0 script -qec "'$DAYSHIFT' $long" /dev/null
    [[ $output =~ scan.pcap:\ [0-9,]+\ bytes,\ [0-9,]+/s,\ [0-9]+\ %,\ [0-9]+\ s\ left ]] || complain "$output"
    run -0 script -qec "'$DAYSHIFT' ${long/learn/learn -q}" /dev/null
    [ -z "$output" ]
}

# ---- directories ----

@test "a directory is all that lies below it" {
    cut_in_seven
    mkdir -p folder/first/second folder/.hidden empty foreign
    mv part_0000[01]* folder/first/second
    mv part_0000[23]* folder/first
    mv part_0000[456]* folder
    cp "$sample" folder/.sample.pcap
    cp "$sample" folder/.hidden
    mkfifo folder/pipe
    teaches "$model" folder
    teaches "$model" folder/first folder/part_*
    echo "what was measured where" | tee folder/README folder/first/notes.txt > foreign/README
    : > folder/first/second/empty.pcap
    teaches "$model" folder
    learn_json folder
    has 'd["inputs"], d["skipped"]["files"], d["flows"]' "(7, 4, 1233)" # with the pipe
    run -0 dayshift learn -o new.dsm folder
    [[ ${lines[0]} == "read     15,188 frames, 1,233 flows in 7 files, "* ]]
    [[ $output == *$'\n'"skipped  4 files: neither capture nor flow log, or found before"$'\n'* ]]
    refuses 1 "empty: no capture and no flow log in it" dayshift learn -o new.dsm empty
    refuses 1 "foreign: no capture and no flow log in it" dayshift learn -o new.dsm foreign
    refuses 1 "foreign/README: neither a capture nor a flow log" dayshift learn -o new.dsm foreign/README
}

@test "what is found twice counts once, what is named twice is an error" {
    mkdir folder
    cp "$sample" folder/capture.pcap
    ln -s . folder/again
    ln -s capture.pcap folder/latest
    teaches "$model" folder
    learn_json folder
    has 'd["inputs"], d["skipped"]["files"]' "(1, 2)"
    refuses 1 "./folder/capture.pcap: named twice" \
        dayshift learn -o new.dsm folder/capture.pcap ./folder/capture.pcap
    teaches "$model" folder/capture.pcap folder
}

@test "no output may be one of the inputs, however it is named" {
    mkdir folder
    cp "$sample" folder/capture.pcap
    head -c 32 /dev/urandom > key
    refuses 1 "would overwrite folder/capture.pcap" dayshift learn -o folder/../folder/capture.pcap folder
    refuses 1 "would overwrite key" dayshift learn -o ./key --key key folder
    refuses 1 "would overwrite new.dsm" dayshift learn -o new.dsm --map ./new.dsm folder
    refuses 1 "cannot both go to standard output" dayshift learn -o - --map - folder
    cmp "$sample" folder/capture.pcap
    ln -s real.dsm link.dsm
    : > real.dsm
    run -0 dayshift learn -q -o link.dsm folder
    [ -L link.dsm ]
    cmp "$model" real.dsm
}

@test "that a model cannot be written is told before anything is read" {
    mkfifo never # nobody writes to it
    refuses 1 "missing/new.dsm: cannot create" timeout 5 "$DAYSHIFT" learn -o missing/new.dsm never
    refuses 1 "missing/map: cannot create" timeout 5 "$DAYSHIFT" learn -o new.dsm --map missing/map never
}

@test "a capture and a flow log are not learned together" {
    mkdir folder
    zeek_log_of "$sample" > folder/conn.log
    cp "$sample" folder/sample.pcap
    refuses 1 "sample.pcap is a capture, but folder/conn.log is a flow log: learn them one after the other" \
        dayshift learn -o new.dsm folder/sample.pcap folder/conn.log
    refuses 1 "folder/conn.log is a flow log, but folder/sample.pcap is a capture" \
        dayshift learn -o new.dsm folder
    refuses 1 "- is a capture, but folder/conn.log is a flow log" \
        dayshift learn -o new.dsm - folder/conn.log < "$sample"
}

# ---- damage ----

@test "a capture that was cut is learned as far as it goes" {
    local form size frame

    need editcap
    "$HELPERS/make_capture" -n sample.pcapng
    for form in pcap pcapng; do
        cp "$sample" sample.pcap
        for size in 4321 50001 100002 1234567; do
            head -c "$size" "sample.$form" > "cut.$form"
            learn_damaged "cut.$form: frame " "cut.$form"
            [[ $stderr =~ frame\ ([0-9]+):\ truncated ]] || complain "$stderr"
            frame=${BASH_REMATCH[1]}
            has 'd["frames"], d["damaged"]' "($((frame - 1)), 1)"
            # editcap reads what is there, and stops where the damage is.
            editcap -F pcap "cut.$form" whole.pcap 2> /dev/null || true
            teaches taught.dsm whole.pcap
        done
    done
}

@test "what is damaged before its first packet teaches nothing" {
    local size

    "$HELPERS/make_capture" -n sample.pcapng
    for size in 1 3 4 10 23 25 39 40 41 60; do
        head -c "$size" "$sample" > cut.pcap
        head -c "$size" sample.pcapng > cut.pcapng
        refuses 1 "cut.pcap: " dayshift learn -o new.dsm cut.pcap
        [ "$size" -le 24 ] || [[ $stderr == *"frame 1: truncated"* ]] || complain "$stderr"
        refuses 1 "cut.pcapng: " dayshift learn -o new.dsm cut.pcapng
    done
}

# Decompression gives whole blocks: what is left of the last one, 256 KiB at most, may be missing.
@test "a compressed capture that was cut is learned as far as it can be unpacked" {
    local tool size frame

    need editcap capinfos
    for tool in gzip xz zstd bzip2; do
        command -v "$tool" > /dev/null || continue
        "$tool" -1 -c "$sample" > whole
        for size in $(($(stat -c %s whole) / 2)) $(($(stat -c %s whole) - 20)); do
            head -c "$size" whole > part
            learn_damaged "part: frame " part
            [[ $stderr =~ frame\ ([0-9]+):\  ]] || complain "$stderr"
            frame=${BASH_REMATCH[1]}
            has 'd["frames"]' $((frame - 1))
            select_frames "$sample" "1-$((frame - 1))" read.pcap
            teaches taught.dsm read.pcap
            "$tool" -dc < part > unpacked.pcap 2> /dev/null || true
            [ $(($(stat -c %s unpacked.pcap) - $(stat -c %s read.pcap))) -le $((256 * 1024)) ]
        done
        for size in 10 100 1000; do
            head -c "$size" whole > part
            refuses 1 "part: " dayshift learn -q -o new.dsm part
        done
    done
}

@test "a damaged file in a directory leaves the others whole" {
    local jobs

    need editcap
    mkdir folder good
    select_frames "$sample" 1-5000 folder/1.pcap
    select_frames "$sample" 5001-10000 folder/2.pcap
    select_frames "$sample" 10001-15188 folder/3.pcap
    cp folder/* good
    truncate -s -10 folder/2.pcap
    select_frames "$sample" 5001-9999 good/2.pcap
    for jobs in 1 3; do
        learn_damaged "folder/2.pcap: frame 5000: truncated" -j "$jobs" folder
        has 'd["inputs"], d["damaged"], d["frames"]' "(3, 1, 15187)"
        teaches taught.dsm good
    done
    run -3 --separate-stderr dayshift learn -o new.dsm folder
    [[ ${lines[1]} == "damaged  1 of the inputs, as said" ]]
    run -3 --separate-stderr dayshift learn -q -o new.dsm folder
    [ -z "$output" ]
    [[ $stderr == *"folder/2.pcap: frame 5000: "* ]]
    cmp new.dsm taught.dsm
    # Not one packet can be read of this one. By its name it is refused, in the directory it is said.
    head -c 20 "$sample" > good/4.pcap
    learn_damaged "tried to read 24 file header bytes, only got 16; it is left out" good
    [[ $stderr == "dayshift: good/4.pcap: not a readable capture: truncated "* ]]
    cmp new.dsm taught.dsm
    refuses 1 "good/4.pcap: not a readable capture" dayshift learn -q -o new2.dsm good/1.pcap good/4.pcap
}

@test "a link type that is not known is named, or its frames are counted" {
    "$HELPERS/make_capture" -l 12345 odd.pcap
    "$HELPERS/make_capture" -n -l 12345 odd.pcapng
    refuses 1 "odd.pcap: link type 12345 (unknown) is not supported: Ethernet, " \
        dayshift learn -o new.dsm odd.pcap
    refuses 1 "odd.pcapng: no flow in it" dayshift learn -o new.dsm odd.pcapng
    teaches "$model" "$sample" odd.pcapng
    learn_json "$sample" odd.pcapng
    has 'd["frames"], d["packets"], d["skipped"]["unknown_link"]' "(30376, 15020, 15188)"
    # Ethernet that claims to be wireless is wireless that makes no sense.
    "$HELPERS/make_capture" -l 105 wireless.pcap
    refuses 1 "wireless.pcap: no flow in it" dayshift learn -o new.dsm wireless.pcap
}

@test "a capture without flows or without local hosts teaches nothing" {
    head -c 24 "$sample" > header.pcap
    refuses 1 "header.pcap: no flow in it" dayshift learn -q -o new.dsm header.pcap
    refuses 1 "1233 flows, and in none a host of --local sent a packet; without --local" \
        dayshift learn -q -o new.dsm --local 192.168.0.0/16 "$sample"
    echo 192.0.2.1 > strangers
    refuses 1 "1233 flows, none of a host in strangers" \
        dayshift learn -q -o new.dsm --hosts strangers "$sample"
}

# ---- the clock ----

@test "packets in reversed order are learned, and it is said" {
    edit_capture reversed.pcap 'r.reverse()'
    learn_json reversed.pcap
    has 'd["packets"], d["hosts"], d["states"]' "(15020, 12, 55)"
    has 'd["remarks"]["late_packets"] > 14000, d["remarks"]["clock_steps"] > 0' "(True, True)"
    run -0 dayshift learn -o new.dsm reversed.pcap
    [[ $output == *$'\n'"but      "*" packets count as of the one before them, which is newer"$'\n'* ]]
    [[ $output == *$'\n'"but      "*" times the clock stepped back, which ended all flows"$'\n'* ]]
    dayshift compare --json "$model" new.dsm > json
    has 'd["hosts_in"]' "[12, 12]"
}

@test "one time stamp far off does not spoil the rest" {
    local days

    for days in 30 -30; do
        edit_capture bogus.pcap "r[5000][0] += $days * 86400"
        learn_json bogus.pcap
        has 'd["packets"], d["hosts"], d["states"], d["remarks"]["clock_steps"]' "(15020, 12, 55, 1)"
        has '1233 <= d["flows"] <= 1260' True # a few that were open then end, and begin anew
        dayshift compare --json "$model" taught.dsm > json
        has 'd["hosts_in"], d["silent"], d["largest_divergence"] < 0.01' "([12, 12], 0, True)"
    done
    run -0 dayshift learn -o new.dsm bogus.pcap
    [[ $output == *$'\n'"but      1 times the clock stepped back, which ended all flows"$'\n'* ]]
}

# ---- encapsulations ----

@test "what carries the packets makes no difference" {
    local way

    for way in vlan qinq mpls pppoe sll sll2 raw null loop ppp chdlc 80211 radiotap; do
        "$HELPERS/make_capture" -e "$way" "$way.pcap"
        teaches "$model" "$way.pcap"
        teaches "$model" --tunnels "$way.pcap"
    done
    "$HELPERS/make_capture" -n -e mpls mpls.pcapng
    teaches "$model" -j 2 mpls.pcapng
}

@test "tunnels are looked into only with --tunnels" {
    local way

    need sqlite3
    for way in gre ipip vxlan; do
        "$HELPERS/make_capture" -e "$way" "$way.pcap"
        teaches "$model" --tunnels "$way.pcap"
        teaches "$model" --tunnels -j 3 "$way.pcap"
    done
    refuses 1 "gre.pcap: no flow in it" dayshift learn -o new.dsm gre.pcap
    refuses 1 "ipip.pcap: no flow in it" dayshift learn -o new.dsm ipip.pcap
    learn_json --local 198.51.100.0/24 vxlan.pcap # between two tunnel ends, in one direction
    has 'd["packets"], d["hosts"], d["states"]' "(15020, 1, 1)"
    [ "$(query 'SELECT protocol, port FROM service')" = "17|4789" ]
}

@test "copies of packets count once with --dedup" {
    local jobs

    need editcap mergecap
    editcap -F pcap -t 0.000001 "$sample" later.pcap
    mergecap -F pcap -w twice.pcap "$sample" later.pcap
    for jobs in 1 3; do
        teaches "$model" --dedup -j "$jobs" twice.pcap
        teaches "$model" --dedup -j "$jobs" later.pcap "$sample"
        learn_json --dedup=10us -j "$jobs" twice.pcap
        has 'd["frames"], d["flows"], d["packets"], d["skipped"]["duplicates"]' "(30376, 1233, 15020, 15020)"
        learn_json -j "$jobs" twice.pcap
        has 'd["frames"], d["flows"], d["packets"], d["skipped"]["duplicates"]' "(30376, 1233, 30040, 0)"
    done
    editcap -F pcap -t 0.02 "$sample" later.pcap
    learn_json --dedup "$sample" later.pcap # 5 ms
    has 'd["packets"], d["skipped"]["duplicates"]' "(30040, 0)"
    learn_json --dedup=30ms "$sample" later.pcap
    has 'd["packets"], d["skipped"]["duplicates"]' "(15020, 15020)"
}

# ---- flow logs ----

# logs_teach FLOWS PACKETS ARGUMENT...: so much of the hosts 10.0.2.1 and 10.0.2.2
logs_teach()
{
    local flows=$1 packets=$2
    shift 2

    learn_json --map taught.map "$@"
    has 'd["flows"], d["packets"], d["hosts"], d["frames"], d["damaged"]' "($flows, $packets, 2, 0, 0)"
    diff - taught.map <<< $'0\t10.0.2.1\n1\t10.0.2.2'
    # The first host opens a connection to port 22; the second sends a datagram to port 53.
    [ "$(query 'SELECT count(*) FROM state WHERE host = 0 AND role = 0 AND protocol = 6 AND port_feature = 22')" = 1 ]
    [ "$(query 'SELECT role, protocol, port_feature FROM state WHERE host = 1')" = "0|17|53" ]
}

@test "a flow log of every format is recognized" {
    local name

    need sqlite3
    write_nfdump > nfdump.csv
    logs_teach 2 10 nfdump.csv
    has 'd["records"], d["first_ns"], d["last_ns"]' "(3, 1515771450000000000, 1515771461000000000)"
    write_ugr16 > ugr16.csv
    logs_teach 2 66 ugr16.csv
    has 'd["records"], d["skipped"]["other_protocol_records"], d["first_ns"]' "(4, 1, 1460332876948000000)"
    cp taught.dsm ugr16.dsm
    { echo te,td,sa,da,sp,dp,pr,flg,fwd,stos,pkt,byt,label; write_ugr16; } > header.csv
    logs_teach 2 66 header.csv
    teaches ugr16.dsm header.csv
    write_zeek_json > conn.json
    logs_teach 2 14 conn.json
    has 'd["records"], d["first_ns"], d["last_ns"]' "(2, 1713484784962686000, 1713484849985391000)"
    write_argus > argus.csv
    logs_teach 3 13 argus.csv
    has 'd["records"], d["first_ns"]' "(3, 1554394980325010000)"
    for name in nfdump.csv header.csv conn.json argus.csv; do
        learn_json "$name"
        gzip -c "$name" > packed
        teaches taught.dsm packed
        teaches taught.dsm - < "$name"
        teaches taught.dsm -j 2 "$name" # threads are for captures
    done
    logs_teach 3 13 --format argus argus.csv
    refuses 1 "argus.csv: has no line #fields, so it is no log of Zeek" \
        dayshift learn -o new.dsm --format zeek argus.csv
    mkdir folder
    mv nfdump.csv ugr16.csv header.csv conn.json argus.csv folder
    echo notes > folder/README
    learn_json folder # of different formats, and different years
    has 'd["inputs"], d["packets"], d["skipped"]["files"], d["damaged"]' "(5, 169, 1, 0)"
}

@test "hosts of a flow log may have names" {
    need sqlite3
    write_lanl > lanl.csv
    learn_json --local 'Comp*' --map taught.map lanl.csv
    has 'd["flows"], d["packets"], d["hosts"], d["first_ns"]' "(3, 2793, 4, 118783000000000)"
    has 'd["local"]' "{'basis': 'given', 'networks': ['Comp*']}"
    diff - taught.map <<< $'0\tComp450942\n1\tComp829338\n2\tComp829339\n3\tComp450943'
    [ "$(query 'SELECT role, protocol, port_feature FROM state WHERE host = 0')" = $'0|6|445\n0|17|53' ]
    run -0 dayshift learn -o new.dsm --local 'Comp*' lanl.csv
    [[ $output == *$'\n'"local    Comp* (as given)"$'\n'* ]]
    printf '%s\n' Comp450943 10.1.2.3 Comp450942 > list
    learn_json --hosts list --map taught.map lanl.csv
    has 'd["hosts"], d["remarks"]["foreign"]' "(3, 0)"
    diff - taught.map <<< $'0\tComp450943\n1\t10.1.2.3\n2\tComp450942'
    refuses 1 "and in none a host of --local sent a packet" dayshift learn -o new.dsm --local 'Printer*' lanl.csv
}

@test "any table is read by the names or numbers of its columns" {
    need sqlite3
    write_own > own.csv
    logs_teach 3 20 --columns "$OWN_NAMES,delimiter=semicolon" own.csv
    cp taught.dsm own.dsm
    write_own | tail -n +2 | tr ';' '\t' > own.tsv
    logs_teach 3 20 --columns "$OWN_NUMBERS,delimiter=tab" own.tsv
    cmp own.dsm taught.dsm
    tr '\t' ',' < own.tsv > numbers.csv
    teaches own.dsm --columns "$OWN_NUMBERS" numbers.csv
    write_own | tr ';' ',' > commas.csv
    teaches own.dsm --columns "$OWN_NAMES" commas.csv
    teaches own.dsm --columns "$OWN_NAMES" - < commas.csv
    refuses 1 "own.csv: neither a capture nor a flow log that is known: --columns names the columns" \
        dayshift learn -o new.dsm own.csv
    refuses 1 'own.csv: there is no column "nn" (for packets) in the first line, "when;span;' \
        dayshift learn -o new.dsm --columns "${OWN_NAMES/=n,/=nn,},delimiter=semicolon" own.csv
    refuses 1 '"packets"' dayshift learn -o new.dsm --columns "${OWN_NAMES/packets=n,/},delimiter=semicolon" own.csv
    refuses 1 "columns: \"src\" is said twice" dayshift learn -o new.dsm --columns src=1,src=2 own.csv
}

@test "a malformed line is named, and the others count" {
    write_nfdump | sed '4s/,40000,/,x,/' > bad.csv
    learn_damaged 'bad.csv: left out 1 of 3 lines that cannot be read; the first: line 4, column "sp": "x": ' bad.csv
    has 'd["flows"], d["packets"], d["damaged"], d["skipped"]["malformed_records"]' "(1, 9, 1, 1)"
    write_lanl | sed '2s/,53,/,66000,/' > bad.csv
    learn_damaged 'line 2, column 7: "66000": ' --local 'Comp*' bad.csv
    has 'd["flows"], d["skipped"]["malformed_records"]' "(2, 1)"
    write_own | sed '3s/;10.0.2.1;/;10.0.2.1.;/' > bad.csv
    learn_damaged 'line 3, column "who": "10.0.2.1.": ' --columns "$OWN_NAMES,delimiter=semicolon" bad.csv
    has 'd["flows"], d["packets"]' "(2, 11)"
    zeek_log_of "$sample" | sed '100s/\t10\.[0-9.]*\t/\t10.9\t/' > conn.log
    learn_damaged 'conn.log: left out 1 of 1449 lines that cannot be read; the first: line 100, column "id.' conn.log
    has 'd["hosts"], d["skipped"]["malformed_records"]' "(12, 1)"
    run -3 --separate-stderr dayshift learn -q -o new.dsm conn.log
    [ -z "$output" ]
    [[ $stderr == *"conn.log: left out 1 of 1449 lines"* ]]
    # So many that it is another kind of log.
    zeek_log_of "$sample" | sed '50,$s/\t10\.[0-9.]*\t/\t10.9\t/' > conn.log
    learn_damaged 'lines cannot be read as zeek, and it is given up there; the first: line 50, column "id.' conn.log
}

@test "a flow log that was cut is learned as far as it goes" {
    local line

    zeek_log_of "$sample" > conn.log
    cat conn.log conn.log conn.log conn.log conn.log conn.log > long.log # more than is unpacked at once
    gzip -1 -c long.log > whole.gz
    head -c $(($(stat -c %s whole.gz) - 1000)) whole.gz > cut.log.gz
    learn_damaged "cut.log.gz: reading ended behind line " cut.log.gz
    [[ $stderr =~ behind\ line\ ([0-9]+):\  ]] || complain "$stderr"
    line=${BASH_REMATCH[1]}
    [ $(($(stat -c %s long.log) - $(head -n "$line" long.log | wc -c))) -le $((256 * 1024)) ]
    has 'd["damaged"], d["hosts"], d["skipped"]["malformed_records"] <= 1' "(1, 12, True)"
}

@test "another log of Zeek is refused" {
    printf '%s\n' '#separator \x09' $'#set_separator\t,' $'#empty_field\t(empty)' $'#unset_field\t-' \
        $'#path\thttp' $'#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tmethod\thost' \
        $'1713484784.962686\tC\t10.0.2.1\t17784\t192.0.2.2\t80\tGET\twww.example.com' > http.log
    refuses 1 "http.log: is Zeek's http.log, which knows no packets and bytes: conn.log is needed" \
        dayshift learn -o new.dsm http.log
    zeek_log_of "$sample" > conn.log
    learn_json conn.log
    cp taught.dsm conn.dsm
    mkdir folder
    mv conn.log http.log folder
    learn_damaged "folder/http.log: is Zeek's http.log, which knows no packets and bytes: conn.log is needed; it is left out" \
        folder
    cmp conn.dsm taught.dsm
}

# A log of Zeek tells pings between the same hosts not apart, hence without them.
@test "the same traffic as capture and as flow log gives the same model of states" {
    local table part

    need sqlite3 tcpdump
    tcpdump -r "$sample" -w traffic.pcap not icmp 2> /dev/null
    zeek_log_of traffic.pcap > conn.log
    dayshift learn -q -o capture.dsm traffic.pcap
    learn_json conn.log
    has 'd["records"], d["flows"], d["packets"], d["hosts"]' "(1398, 1182, 14714, 12)"
    dayshift compare --json --states 64 capture.dsm taught.dsm > json
    has 'd["hosts_in"], d["silent"], d["largest_divergence"], d["mean_volume_distance"]' "([12, 12], 0, 0.0, 0.0)"
    has 'all(s["shares"][0] == s["shares"][1] for h in d["hosts"] for s in h["states"])' True
    has 'sum(len(h["states"]) for h in d["hosts"])' "$(sqlite3 capture.dsm 'SELECT count(*) FROM state')"
    for table in host state initial transition volume byte_volume peer coverage initiator_port; do
        diff <(sqlite3 capture.dsm "SELECT * FROM $table") <(query "SELECT * FROM $table")
    done
    # In parts with headers of their own, as Zeek rotates them.
    cp taught.dsm whole.dsm
    grep -v '^#' conn.log > lines
    split -n l/3 --additional-suffix=.lines lines part_
    for part in part_*.lines; do
        { grep '^#[^c]' conn.log; cat "$part"; } > "${part%.lines}.log"
    done
    teaches whole.dsm part_aa.log part_ab.log part_ac.log
}

@test "what nfdump writes is read, as nfcapd files and as CSV" {
    local file

    need nfpcapd nfdump
    mkdir flows
    timeout 30 nfpcapd -r "$sample" -w "$PWD/flows" > nfpcapd.words 2>&1
    learn_json flows
    has 'd["packets"], d["hosts"], d["states"], d["damaged"]' "(15020, 12, 55, 0)"
    has '1150 < d["flows"] < 1300' True # it ends flows by its own times
    for file in flows/nfcapd.*; do
        nfdump -N -r "$file" -o csv
    done > flows.csv 2> nfdump.words
    learn_json flows.csv
    has 'd["packets"], d["hosts"], d["states"], d["damaged"]' "(15020, 12, 55, 0)"
    refuses 1 "standard input: nfcapd records must be in a file" dayshift learn -o new.dsm - < "$file"
}

# ---- hosts, networks, maps and keys ----

@test "--local, --hosts and --map choose and name hosts" {
    [ "$(wc -l < "$map")" -eq 12 ]
    grep -qx $'0\t10.183.213.83' "$map"

    learn_json --local 10.183.213.0/24 "$sample"
    cmp "$model" taught.dsm
    has 'd["local"]' "{'basis': 'given', 'networks': ['10.183.213.0/24']}"
    learn_json --local 10.183.213.0/25 --map new.map "$sample"
    [ "$(wc -l < new.map)" -eq 4 ]
    has 'd["hosts"], d["remarks"]["foreign"] > 0' "(4, True)"

    learn_json --local 203.0.113.0/24 --local 10.0.0.0/8 --map new.map "$sample"
    [ "$(wc -l < new.map)" -eq 17 ]
    has 'd["hosts"], d["local"]["basis"], len(d["local"]["networks"])' "(17, 'given', 2)"

    printf '%s\n' '10.183.213.96 # the second' 10.183.213.83 > list
    learn_json --hosts list --map new.map "$sample"
    diff - new.map <<< $'0\t10.183.213.96\n1\t10.183.213.83'
    has 'd["hosts"], d["local"]["networks"]' "(2, [])"
}

@test "local networks are found also where they are not private ones" {
    edit_capture public.pcap 'for x in r:
    x[2] = x[2].replace(bytes((10, 183, 213)), bytes((198, 18, 7)))'
    learn_json --map new.map public.pcap
    has 'd["hosts"], d["local"]["basis"], len(d["local"]["networks"])' "(12, 'found', 1)"
    has 'd["local"]["networks"][0].startswith("198.18.")' True
    grep -qx $'0\t198.18.7.83' new.map
}

@test "lists of hosts: bad lines are named" {
    printf '10.183.213.83 server\n# comment\n\n1printer\n' > list
    refuses 1 "list:4: '1printer' is neither an address nor a name" \
        dayshift learn -o new.dsm --hosts list "$sample"
    echo '# nobody' > list
    refuses 1 "list: no address in it" dayshift learn -o new.dsm --hosts list "$sample"
    refuses 1 "missing: cannot open" dayshift learn -o new.dsm --hosts missing "$sample"
    refuses 1 ".: is a directory" dayshift learn -o new.dsm --hosts . "$sample"
}

@test "the map is for its owner alone" {
    echo old > new.map
    chmod 644 new.map
    dayshift learn -q -o new.dsm --map new.map "$sample"
    [ "$(stat -c %a new.map)" = 600 ]
    cmp "$map" new.map
}

@test "without its map there is no model" {
    [ -c /dev/full ] || skip "no /dev/full"
    refuses 1 "/dev/full: cannot write: No space left" \
        dayshift learn -q -o new.dsm --map /dev/full "$sample"
}

has_files()
{
    [ -n "$(ls -A "$1")" ]
}

# learn waits for the reader of its model, with the map written but not yet in place.
@test "an interrupted learn leaves no map" {
    local signal pid status

    mkdir out
    mkfifo model.fifo
    for signal in INT TERM HUP; do
        "$DAYSHIFT" learn -q -o model.fifo --map out/map "$sample" > words 2>&1 3>&- &
        pid=$!
        wait_for 10 has_files out
        sleep 0.5
        kill -"$signal" "$pid"
        wait_for 10 has_ended "$pid" || kill -KILL "$pid"
        status=0
        wait "$pid" || status=$?
        [ "$status" -eq 1 ]
        [ "$(cat words)" = "dayshift: interrupted; model.fifo was not written" ]
        [ -z "$(ls -A out)" ]
    done
}

# Keys that are always the same, so that no address is in a model by chance on some days.
make_keys()
{
    printf '%032d' 1 > a.key
    printf '%032d' 2 > b.key
}

@test "a key marks the hosts, the same key in the same way" {
    need sqlite3
    make_keys
    dayshift learn -q -o a.dsm --key a.key "$sample"
    teaches a.dsm --key a.key -j 2 "$sample"
    [ "$(query 'SELECT count(*), count(tag), count(DISTINCT tag) FROM host')" = "12|12|12" ]
    [ "$(query 'SELECT count(*), count(DISTINCT tag) FROM outside')" = "5|5" ]
    [ "$(query 'SELECT count(key_check) FROM summary')" = 1 ]
    dayshift learn -q -o b.dsm --key b.key "$sample"
    run -1 cmp -s a.dsm b.dsm
    sqlite3 a.dsm "ATTACH 'b.dsm' AS b; SELECT count(*) FROM main.host JOIN b.host USING (tag);
        SELECT main.summary.key_check = b.summary.key_check FROM main.summary, b.summary" > common
    diff - common <<< $'0\n0'
    # Nothing but the marks is different.
    sqlite3 "$model" 'SELECT * FROM state' > states
    diff states <(query 'SELECT * FROM state')
    sqlite3 "$model" 'SELECT count(tag) FROM host; SELECT count(*) FROM outside;
        SELECT count(key_check) FROM summary' > marks
    diff - marks <<< $'0\n0\n0'
}

@test "a key that is none is refused" {
    make_keys
    head -c 31 a.key > short.key
    cat a.key b.key > long.key
    : > empty.key
    refuses 1 "short.key: a key has 32 bytes, this file fewer; head -c 32 /dev/urandom makes one" \
        dayshift learn -o new.dsm --key short.key "$sample"
    refuses 1 "empty.key: a key has 32 bytes, this file fewer" dayshift learn -o new.dsm --key empty.key "$sample"
    refuses 1 "long.key: a key has 32 bytes, this file more" dayshift learn -o new.dsm --key long.key "$sample"
    refuses 1 "missing: cannot open: No such file" dayshift learn -o new.dsm --key missing "$sample"
}

# ---- nothing of the source in the model ----

# IPv4, IPv6 and MAC addresses of a capture, one a line.
addresses_of()
{
    need tshark
    case $1 in
        *.xz) need xz; xz -dc "$1" ;;
        *) cat "$1" ;;
    esac | tshark -n -r - -T fields -e ip.src -e ip.dst -e ipv6.src -e ipv6.dst -e eth.src -e eth.dst \
        -e arp.src.proto_ipv4 -e arp.dst.proto_ipv4 2> /dev/null | tr '\t,' '[\n*]' | sort -u |
        grep -vE '^(|255\.255\.255\.255|0\.0\.0\.0|::|ff02::.*|(ff:){5}ff|(00:){5}00)$'
}

# Prints the words of list $1 that are in file $2. Addresses are looked for as text and as bytes,
# in hexadecimal and in decimal, in either order; other words as they are and in hexadecimal.
find_words()
{
    python3 - "$1" "$2" <<'PYTHON'
import ipaddress, re, sys
data = open(sys.argv[2], "rb").read()
low = data.lower()
for text in open(sys.argv[1]).read().split("\n"):
    if not text:
        continue
    try:
        raw = bytes.fromhex(text.replace(":", "")) if re.fullmatch("(..:){5}..", text) else \
            ipaddress.ip_address(text).packed
        words = [text, raw.hex(), raw[::-1].hex(), raw.hex("-"), raw.hex(":")]
        if len(raw) == 4:  # a number in a column
            words += [str(int.from_bytes(raw, order)) for order in ("big", "little")]
        found = [w for w in words if w.encode() in low]
        found += ["bytes " + r.hex() for r in (raw, raw[::-1]) if r in data]
    except ValueError:
        found = [w for w in (text.lower(), text.encode().hex()) if w.encode() in low]
    if found:
        print(text, *found)
PYTHON
}

# says_nothing_of LIST MODEL: as bytes, and as sqlite3 prints it
says_nothing_of()
{
    local file

    sqlite3 "$2" .dump > dump
    for file in "$2" dump; do
        run -0 find_words "$1" "$file"
        [ -z "$output" ] || complain "$file" "$output"
    done
}

@test "nothing of a capture is in a model: addresses, names, payload" {
    need sqlite3
    make_keys
    addresses_of "$sample" > words
    [ "$(grep -c '\.' words)" -eq 17 ]
    [ "$(grep -c : words)" -eq 13 ]
    run -0 find_words words "$sample"
    [ "${#lines[@]}" -ge 30 ] # the search finds what is there
    cp words addresses
    tshark -n -r "$sample" -T fields -e dns.qry.name -e http.host -e http.request.uri -e ssh.protocol \
        2> /dev/null | tr '\t' '\n' | sort -u | grep -E '...' > said
    grep -qx www.example.com said
    printf '%s\n' example "GET /" "HTTP/1." OpenSSH >> said
    run -0 find_words <(printf '%s\n' example "GET /" OpenSSH) "$sample"
    [ "${#lines[@]}" -eq 3 ]
    cat said >> words
    says_nothing_of words "$model"
    learn_json --key a.key --labels port "$sample"
    says_nothing_of words taught.dsm
    learn_json --key b.key --local 10.183.213.0/25 "$sample"
    says_nothing_of words taught.dsm
    if dayshift learn -q -o new.dsm --labels ndpi "$sample" 2> /dev/null; then
        says_nothing_of words new.dsm
    fi
    zeek_log_of "$sample" > conn.log
    learn_json --key a.key conn.log
    says_nothing_of addresses taught.dsm
}

@test "nothing of a flow log is in a model: addresses, names, labels" {
    need sqlite3
    make_keys
    printf '%s\n' Comp450942 Comp829338 Comp829339 Comp450943 ActiveDirectory 450942 829338 Port03137 \
        > words
    write_lanl > lanl.csv
    run -0 find_words words lanl.csv
    [ "${#lines[@]}" -eq 8 ]
    for key in "" "--key a.key"; do
        # shellcheck disable=SC2086 # words
        learn_json --local 'Comp*' $key lanl.csv
        says_nothing_of words taught.dsm
    done
    printf '%s\n' 2001:db8:77:5::91c7 2001:db8:aa:b::5e21 2001:db8:77:5::91c8 2001:db8:aa:b::5e22 > words
    { write_own | head -n 1
      echo '1600000000.5;1.5;2001:db8:77:5::91c7;2001:db8:aa:b::5e21;40000;22;6;5;500;4;4000'
      echo '1600000010.5;1.5;2001:db8:77:5::91c8;2001:db8:aa:b::5e22;40001;22;6;5;500;4;4000'; } > own.csv
    run -0 find_words words own.csv
    [ "${#lines[@]}" -eq 4 ]
    for key in "" "--key a.key"; do
        # shellcheck disable=SC2086 # words
        learn_json $key --columns "$OWN_NAMES,delimiter=semicolon" own.csv
        has 'd["hosts"]' 2
        says_nothing_of words taught.dsm
    done
    write_ugr16 | sed 's/background/botnet-7/' > ugr16.csv
    printf '%s\n' botnet 10.0.2.1 10.0.2.2 192.0.2.2 > words
    learn_json --key a.key ugr16.csv
    says_nothing_of words taught.dsm
}

@test "no address of the bundled sample is in its model" {
    [ -n "$BUNDLED_CAPTURE" ] || skip "no bundled sample"
    need sqlite3
    addresses_of "$BUNDLED_CAPTURE" > words
    [ "$(wc -l < words)" -ge 4 ]
    dayshift learn -q -o new.dsm "$BUNDLED_CAPTURE"
    says_nothing_of words new.dsm
}

# ---- memory ----

# Prints the largest resident set of a command in bytes, which must succeed.
peak_of()
{
    python3 -c 'import resource, subprocess, sys
with open("said", "w") as said:
    subprocess.run(sys.argv[1:], stdout=said, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)' "$@"
}

@test "a flood stays within --max-memory, and what was given up is said" {
    local kind

    ! grep -q __asan_init "$DAYSHIFT" || skip "sanitizers take memory of their own"
    for kind in sources scan; do
        python3 "$SOURCE/bench/flood.py" "$kind" 300000 > flood.pcap
        run -0 peak_of "$DAYSHIFT" learn --max-memory 64M -o a.dsm flood.pcap
        [ "$output" -lt $((64 * 1024 * 1024 * 13 / 10)) ] || complain "$kind: $output bytes"
        grep -q '^read     300,000 frames, ' said
        grep -q '^gave up  [0-9,]* flows ' said
        grep -q '(--max-memory is 64.0 MiB)$' said
        run -0 --separate-stderr dayshift learn -q --max-memory 64M -j 2 -o b.dsm flood.pcap
        [ -z "$output$stderr" ]
        cmp a.dsm b.dsm
    done
    learn_json --max-memory 64M flood.pcap
    has 'd["packets"], d["hosts"], d["given_up"]["ended_early"] > 0' "(300000, 1, True)"
    learn_json --max-memory 1G flood.pcap
    has '{*d["given_up"].values()}' "{0}"
}

# ---- live ----

remove_namespaces()
{
    [ -z "$learner" ] || { kill -KILL "$learner" 2> /dev/null && wait "$learner"; } || true
    ip netns del "$near" || true # the pair goes with them
    ip netns del "$far" || true
}

# 10.77.5.1 on lrn0 in $near, 10.77.5.2 on lrn1 in $far. Without IPv6 the kernel sends nothing of its own.
make_namespaces()
{
    local space

    [ "$(id -u)" = 0 ] || skip "not root"
    need ip ping
    learner=
    far=lrn-$$-far
    ip netns add "lrn-$$-near" 2> /dev/null || skip "no namespaces"
    near=lrn-$$-near
    ip netns add "$far"
    for space in "$near" "$far"; do
        ip netns exec "$space" sh -c '[ ! -e /proc/sys/net/ipv6 ] || for scope in all default; do
            echo 1 > /proc/sys/net/ipv6/conf/$scope/disable_ipv6
        done'
    done
    ip link add lrn0 netns "$near" type veth peer name lrn1 netns "$far"
    ip -n "$near" address add 10.77.5.1/24 dev lrn0
    ip -n "$far" address add 10.77.5.2/24 dev lrn1
    ip -n "$near" link set lrn0 up
    ip -n "$far" link set lrn1 up
}

# A packet socket of all protocols (0003) that is bound and running.
listens()
{
    ip netns exec "$far" awk '$4 == "0003" && $6 == 1 { n++ } END { exit !n }' /proc/net/packet
}

# follow ARGUMENT...: learns from lrn1, its pid in $learner. It sees what is sent once this returns.
follow()
{
    # Not through a function: the process id would be that of a shell around it.
    ip netns exec "$far" "$DAYSHIFT" learn -i lrn1 --json --map live.map -o live.dsm "$@" > json 2> words 3>&- &
    learner=$!
    wait_for 10 listens
}

# Its exit status in $status.
end_of_learner()
{
    wait_for 10 has_ended "$learner"
    status=0
    wait "$learner" || status=$?
    learner=
}

# A ping and its answer, three connections that are refused: 8 packets in 4 flows.
talk()
{
    ip netns exec "$near" ping -c 1 -W 2 10.77.5.2 > ping.words
    ip netns exec "$near" python3 -c 'import socket
for i in range(3):
    try:
        socket.create_connection(("10.77.5.2", 8080), 2)
    except ConnectionRefusedError:
        pass'
}

check_live()
{
    [ "$status" -eq 0 ] || complain "status $status: $(cat words)"
    [ ! -s words ] || complain "$(cat words)"
    has 'd["flows"], d["packets"], d["hosts"], d["damaged"], d["skipped"]["dropped"]' "(4, 8, 2, 0, 0)"
    has 'd["local"]' "{'basis': 'found', 'networks': ['10.0.0.0/8']}"
    diff - live.map <<< $'0\t10.77.5.1\n1\t10.77.5.2'
    dayshift info live.dsm > text
    grep -q '  initiates tcp/[0-9-]* 0.75, initiates icmp echo 0.25$' text
    grep -q '^  tcp/8080  *3 ' text
}

@test "live: learned from an interface for a time" {
    local began=$SECONDS

    make_namespaces
    follow --for 3s
    talk
    end_of_learner
    check_live
    [ $((SECONDS - began)) -ge 3 ]
}

@test "live: learned from an interface until a signal" {
    local signal

    make_namespaces
    for signal in INT TERM; do
        follow
        talk
        sleep 1.5 # the kernel hands packets over once a second
        kill -"$signal" "$learner"
        end_of_learner
        check_live
        rm live.dsm
    done
}

@test "live: an interface that goes away, or is silent, or is none" {
    make_namespaces
    follow --for 60s
    talk
    sleep 1.5
    ip -n "$far" link del lrn1
    end_of_learner
    [ "$status" -eq 3 ]
    grep -qx "dayshift: lrn1: frame [0-9]*: .*; what was read of it counts" words
    [ "$(wc -l < words)" -eq 1 ]
    has 'd["flows"], d["packets"], d["hosts"], d["damaged"]' "(4, 8, 2, 1)"
    rm live.dsm live.map
    ip -n "$near" link add lrn0 type veth peer name lrn1 netns "$far"
    ip -n "$far" link set lrn1 up
    follow --for 0.5s
    end_of_learner
    [ "$status" -eq 1 ]
    [ "$(cat words)" = "dayshift: lrn1: no flow in it that could be read: no model was written" ]
    [ ! -e live.dsm ]
    [ ! -e live.map ]
    refuses 1 "no-such: cannot capture: " ip netns exec "$far" "$DAYSHIFT" learn -i no-such -o new.dsm
    [[ $stderr != *"("* ]] # libpcap says it twice
    need setpriv
    refuses 1 "lrn1: no permission to capture: start as root, or with CAP_NET_RAW" ip netns exec "$far" \
        setpriv --bounding-set=-all --inh-caps=-all "$DAYSHIFT" learn -i lrn1 -o new.dsm
}

# ---- merge ----

# Seven models of the parts of the sample, learned with the same key: part_0.dsm, ...; and the whole, whole.dsm
learn_parts()
{
    local part number=0

    need sqlite3
    cut_in_seven
    make_keys
    dayshift learn -q -o whole.dsm --key a.key "$sample"
    for part in part_*.pcap; do
        dayshift learn -q -o "part_$number.dsm" --key a.key "$part"
        dayshift learn -q -o "alone_$number.dsm" "$part"
        number=$((number + 1))
    done
}

# What a model says of the hosts, in an order that is not that of their numbers.
hosts_of()
{
    sqlite3 "$1" 'SELECT tag, role, protocol, port_feature, state.flows FROM state JOIN host ON host = host.id
        ORDER BY 1, 2, 3, 4'
}

@test "models with the same key merge host by host" {
    learn_parts
    run -0 --separate-stderr dayshift merge --json -o merged.dsm part_?.dsm
    [ -z "$stderr" ]
    echo "$output" > json
    has 'd["hosts"], d["states"], d["has_tags"], len(d["files"])' "(12, 55, True, 7)"
    has 'all(f["matched"] and f["hosts_in_common"] == 12 for f in d["files"][1:])' True
    # A flow that goes on in the next part is one in each of them; packets are what they were.
    has '1233 <= d["flows"] < 1233 + 7 * 20, d["flows"] == sum(f["flows"] for f in d["files"])' "(True, True)"
    cp merged.dsm taught.dsm
    [ "$(query 'SELECT packets FROM summary')" = 15020 ]
    # What was cut may lose its class, never its port.
    [ "$(query 'SELECT count(*) FROM (SELECT DISTINCT protocol, port FROM service)')" = 5 ]
    diff <(sqlite3 whole.dsm 'SELECT * FROM host') <(query 'SELECT * FROM host')
    diff <(sqlite3 whole.dsm 'SELECT * FROM outside ORDER BY tag') <(query 'SELECT * FROM outside ORDER BY tag')
    diff <(sqlite3 whole.dsm 'SELECT host, role, protocol, port_feature FROM state') \
        <(query 'SELECT host, role, protocol, port_feature FROM state')
    # Clocks are set once a minute by what is one long flow of the whole, and one of each part: six more
    # of some 110 flows a host move about a twentieth of its shares.
    dayshift compare --json whole.dsm merged.dsm > json
    has 'd["hosts_in"], d["silent"]' "([12, 12], 0)"
    has 'd["mean_divergence"] < 0.02, d["largest_divergence"] < 0.03' "(True, True)"
}

@test "models merge in any order, and step by step" {
    learn_parts
    dayshift merge -q -o merged.dsm part_?.dsm
    dayshift merge -q -o backwards.dsm part_6.dsm part_5.dsm part_4.dsm part_3.dsm part_2.dsm part_1.dsm part_0.dsm
    diff <(hosts_of merged.dsm) <(hosts_of backwards.dsm)
    dayshift merge -q -o first.dsm part_0.dsm part_1.dsm part_2.dsm
    dayshift merge -q -o last.dsm part_3.dsm part_4.dsm part_5.dsm part_6.dsm
    dayshift merge -q -o steps.dsm first.dsm last.dsm
    diff <(hosts_of merged.dsm) <(hosts_of steps.dsm)
    dayshift merge -q -o again.dsm part_?.dsm
    cmp merged.dsm again.dsm
}

@test "hosts of models without a common key stay apart" {
    learn_parts
    run -0 --separate-stderr dayshift merge -o merged.dsm alone_?.dsm
    [ -z "$stderr" ]
    [ "$(grep -c '^apart    alone_[1-6].dsm: its hosts stand beside the others: it was learned without a key$' \
        <<< "$output")" -eq 6 ]
    [[ $output == *$'\n'"all      84 hosts, "* ]]
    cp merged.dsm taught.dsm
    [ "$(query 'SELECT count(*), count(tag) FROM host')" = "84|0" ]
    dayshift learn -q -o other.dsm --key b.key "$sample"
    dayshift merge --json -o merged.dsm whole.dsm other.dsm > json
    has 'd["hosts"], d["has_tags"], d["files"][1]["matched"], d["files"][1]["why_not"]' \
        "(24, False, False, 'it was learned with another key')"
    dayshift merge --json -o merged.dsm whole.dsm alone_0.dsm > json
    has 'd["hosts"], d["has_tags"]' "(24, False)"
}

@test "a merge of one model is that model" {
    make_keys
    dayshift learn -q -o keyed.dsm --key a.key "$sample"
    dayshift merge -q -o merged.dsm keyed.dsm
    cmp keyed.dsm merged.dsm
    dayshift merge -q -o merged.dsm "$model"
    cmp "$model" merged.dsm
    dayshift merge -o - "$model" > merged.dsm
    cmp "$model" merged.dsm
}

@test "a merge of what a capture and a flow log teach knows both" {
    make_keys
    zeek_log_of "$sample" > conn.log
    dayshift learn -q -o capture.dsm --key a.key "$sample"
    dayshift learn -q -o log.dsm --key a.key conn.log
    dayshift merge --json -o merged.dsm capture.dsm log.dsm > json
    has 'd["hosts"], d["states"], d["files"][1]["hosts_in_common"]' "(12, 55, 12)"
    dayshift compare --json capture.dsm merged.dsm > json
    has 'd["hosts_in"], d["largest_divergence"] < 0.02' "([12, 12], True)"
}

@test "merge: what cannot be" {
    cp "$model" a.dsm
    cp "$model" b.dsm
    ln a.dsm same.dsm
    echo text > text
    refuses 1 "a.dsm: would overwrite a.dsm" dayshift merge -o a.dsm a.dsm b.dsm
    refuses 1 "same.dsm: would overwrite a.dsm" dayshift merge -o same.dsm b.dsm a.dsm
    refuses 1 "same.dsm: the same file as a.dsm: its flows would count twice" \
        dayshift merge -o new.dsm a.dsm b.dsm same.dsm
    refuses 1 "text: not a usable model file" dayshift merge -o new.dsm a.dsm text
    refuses 1 "missing: cannot open: No such file" dayshift merge -o new.dsm missing a.dsm
    refuses 2 "an output file (-o) and at least one model are needed" dayshift merge a.dsm
    refuses 2 "an output file (-o) and at least one model are needed" dayshift merge -o new.dsm
    refuses 2 "--json and the model cannot both be written to standard output" \
        dayshift merge --json -o - a.dsm b.dsm
    cmp a.dsm "$model"
}

# ---- classes ----

# classes MODEL: "class flows" of all services together, a line each
classes()
{
    dayshift info --json "$1" > info.json
    json_value info.json '"\n".join(sorted("%s %d" % (name, sum(c["flows"] for s in d["services"]
        for c in s["classes"] if c["class"] == name))
        for name in {c["class"] for s in d["services"] for c in s["classes"]}))'
}

# make_table: labels.csv has a class for each flow of TCP and of UDP to port 53; `wanted` what a model says of it
make_table()
{
    dayshift features -q -o flows.csv "$sample"
    python3 - << 'END'
import collections, csv
flows = collections.Counter()
with open("labels.csv", "w") as table:
    print("dst,dport,src,sport,proto,label,file", file=table)
    for row in csv.DictReader(open("flows.csv")):
        label = {"tcp": "shop floor", "udp": "names"}.get(row["protocol"])
        if label is None or label == "names" and row["responder_port"] != "53":
            continue
        flows[label] += 1
        print(row["responder"], row["responder_port"], row["initiator"], row["initiator_port"],
              row["protocol"], label, "elsewhere/" + row["file"], sep=",", file=table)
with open("wanted", "w") as wanted:
    for label in sorted(flows):
        print(label, flows[label], file=wanted)
END
}

@test "learn --labels TABLE: classes of flows, by either end, of the capture that the table names" {
    need python3
    make_table
    [ "$(wc -l < wanted)" = 2 ]
    dayshift learn -q -o classes.dsm --labels labels.csv "$sample"
    diff wanted <(classes classes.dsm)
    awk -F, -v OFS=, 'NR > 1 { t = $1; $1 = $3; $3 = t; t = $2; $2 = $4; $4 = t } 1' labels.csv > turned.csv
    teaches classes.dsm --labels turned.csv "$sample"
    sed 's/sample.pcap/other.pcap/' labels.csv > other.csv
    dayshift learn -q -o none.dsm --labels port "$sample"
    teaches none.dsm --labels other.csv "$sample"
    cut -d, -f1-6 other.csv > anywhere.csv
    teaches classes.dsm --labels anywhere.csv "$sample"
    zeek_log_of "$sample" > conn.log
    dayshift learn -q -o log.dsm --labels anywhere.csv conn.log
    [ "$(classes log.dsm | cut -d ' ' -f 1)" = "$(cut -d ' ' -f 1 wanted)" ]
    run -1 --separate-stderr dayshift learn -q -o x --labels file conn.log
    [[ $stderr == *"is a flow log; captures are needed"* ]]
}

@test "learn --labels file: the class is the name of the capture, whose flows may be mixed with others" {
    need python3
    cp "$sample" kitchen.pcap
    python3 - << 'END'
import struct
data = bytearray(open("kitchen.pcap", "rb").read())
order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
at = 24
while at < len(data):
    size = struct.unpack_from(order + "I", data, at + 8)[0]
    for address in 26, 30: # another 10.x for the same day
        if data[at + 16 + 12:at + 16 + 14] == b"\x08\x00" and data[at + 16 + address] == 10:
            data[at + 16 + address + 1] ^= 64
    at += 16 + size
open("cellar, old.v2.pcap", "wb").write(data)
END
    dayshift learn -q -l 10.0.0.0/8 -o both.dsm --labels file kitchen.pcap "cellar, old.v2.pcap"
    run -0 classes both.dsm
    [ "${#lines[@]}" = 2 ]
    [[ ${lines[0]} == "cellar_ old.v2 "* ]]
    [[ ${lines[1]} == "kitchen "* ]]
    [ "${lines[0]##* }" = "${lines[1]##* }" ]
}

@test "learn --labels: what is no table, and what does not go together, is refused" {
    printf 'a\tb\n1\t2\n' > none.tsv
    refuses 1 "none.tsv: the first line names no column" dayshift learn -o x --labels none.tsv "$sample"
    refuses 1 "nowhere.tsv: cannot open" dayshift learn -o x --labels nowhere.tsv "$sample"
    printf 'label,proto,src,sport,dst,dport\nA,TCP,1.2.3,1,4.5.6.7,2\n' > bad.csv
    refuses 1 "bad.csv" dayshift learn -o x --labels bad.csv "$sample"
    refuses 2 "--labels file goes with files" dayshift learn -o x --labels file -i lo
    cp bad.csv keep.csv
    refuses 1 "keep.csv" dayshift learn -o keep.csv --labels keep.csv "$sample"
    cmp bad.csv keep.csv
    [ ! -e x ]
}

@test "learn --fold has the flows that features --fold has not" {
    need python3
    local fold learned left=0
    for fold in 0 1 2; do
        dayshift learn -q -l 10.0.0.0/8 -o fold.dsm --fold $fold/3 "$sample"
        dayshift features -q -o fold.csv --fold $fold/3 "$sample"
        dayshift info --json fold.dsm > info.json
        learned=$(json_value info.json 'd["flows"]')
        left=$((left + $(wc -l < fold.csv) - 1))
        [ $((learned + $(wc -l < fold.csv) - 1)) = "$(dayshift info --json "$model" | json_value /dev/stdin 'd["flows"]')" ]
    done
    [ "$left" = "$(json_value <(dayshift info --json "$model") 'd["flows"]')" ]
    refuses 1 "--fold: '3/3' is not K/N" dayshift learn -o x --fold 3/3 "$sample"
}
