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

# learn_damaged TEXT ARGUMENT...: taught.dsm is made of a part of the input, as one line says. As JSON in `json`.
learn_damaged()
{
    local text=$1
    shift

    run -3 --separate-stderr dayshift learn --json -o taught.dsm "$@"
    [ "${#stderr_lines[@]}" -eq 1 ] || complain "$*" "not one line: $stderr"
    [[ $stderr == "dayshift: "*"$text"*"; what was read of it counts" ]] ||
        complain "$*" "no '$text' in: $stderr"
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
    done
    teaches "$model" <(cat "$sample") # a pipe with a name
    cat "$sample" | teaches "$model" -
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
    # Long enough to tell something, and in a tenth of a second what was read is all.
    python3 "$SOURCE/bench/flood.py" scan 200000 > scan.pcap
    long="learn -o new.dsm scan.pcap scan.pcap scan.pcap scan.pcap scan.pcap scan.pcap scan.pcap scan.pcap"
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
    has 'd["inputs"], d["skipped"]["files"], d["flows"]' "(7, 3, 1233)"
    run -0 dayshift learn -o new.dsm folder
    [[ ${lines[0]} == "read     15,188 frames, 1,233 flows in 7 files, "* ]]
    [[ $output == *$'\n'"skipped  3 files: neither capture nor flow log"$'\n'* ]]
    refuses 1 "empty: no capture and no flow log in it" dayshift learn -o new.dsm empty
    refuses 1 "foreign: no capture and no flow log in it" dayshift learn -o new.dsm foreign
    refuses 1 "foreign/README: neither a capture nor a flow log" dayshift learn -o new.dsm foreign/README
}

@test "directories that lead round in a circle are an error" {
    mkdir folder
    cp "$sample" folder
    ln -s . folder/again
    refuses 1 "directories are nested more than 32 deep" dayshift learn -o new.dsm folder
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
    learn_damaged "good/4.pcap: not a readable capture: truncated" good
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
    refuses 1 "1233 flows, and in none a local host sent a packet; name the local networks with --local" \
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
    [ "$(query 'SELECT protocol, port_feature FROM state')" = "17|4789" ]
}

@test "copies of packets count once with --dedup" {
    local jobs

    need editcap mergecap
    editcap -F pcap -t 0.000001 "$sample" later.pcap
    mergecap -F pcap -w twice.pcap "$sample" later.pcap
    for jobs in 1 3; do
        teaches "$model" --dedup -j "$jobs" twice.pcap
        teaches "$model" --dedup -j "$jobs" later.pcap "$sample"
        learn_json --dedup=0.00001s -j "$jobs" twice.pcap
        has 'd["frames"], d["flows"], d["packets"], d["skipped"]["duplicates"]' "(30376, 1233, 15020, 15020)"
        learn_json -j "$jobs" twice.pcap
        has 'd["frames"], d["flows"], d["packets"], d["skipped"]["duplicates"]' "(30376, 1233, 30040, 0)"
    done
    editcap -F pcap -t 0.02 "$sample" later.pcap
    learn_json --dedup "$sample" later.pcap # 5 ms
    has 'd["packets"], d["skipped"]["duplicates"]' "(30040, 0)"
    learn_json --dedup=0.1s "$sample" later.pcap
    has 'd["packets"], d["skipped"]["duplicates"]' "(15020, 15020)"
}
