#!/usr/bin/env bats
# dayshift check, compare and blindtest as a user runs them on captures.
# shellcheck disable=SC2030,SC2031,SC2154 # each test is a subshell; bats sets stderr_lines

setup_file()
{
    load helpers
    make_sample
    dayshift day -q -o "$BATS_FILE_TMPDIR/day.pcap" --date "$SAMPLE_DATE" --start "$SAMPLE_START" --for 10m \
        "$BATS_FILE_TMPDIR/sample.dsm"
}

setup()
{
    load helpers
    enter_scratch
    sample=$BATS_FILE_TMPDIR/sample.pcap
    model=$BATS_FILE_TMPDIR/sample.dsm
    day=$BATS_FILE_TMPDIR/day.pcap
}

# Changes bytes of a copy of the sample: edit FILE PYTHON, with the packets as lists (offset, bytes) in `p`.
edit()
{
    python3 - "$sample" "$1" "$2" << 'END'
import struct, sys

data = bytearray(open(sys.argv[1], "rb").read())
at = 24
frames = []
while at < len(data):
    size = struct.unpack("=I", data[at + 8:at + 12])[0]
    frames.append((at + 16, size))
    at += 16 + size
# numbers of the frames, from 1, of the first TCP connection: same ports both ways
tcp = [(i + 1, o) for i, (o, n) in enumerate(frames) if data[o + 12:o + 14] == b"\x08\x00" and data[o + 23] == 6]
ports = {bytes(data[tcp[0][1] + 34:tcp[0][1] + 38]), bytes(data[tcp[0][1] + 36:tcp[0][1] + 38] + data[tcp[0][1] + 34:tcp[0][1] + 36])}
first = [(i, o) for i, o in tcp if bytes(data[o + 34:o + 38]) in ports]
exec(sys.argv[3])
open(sys.argv[2], "wb").write(data)
END
}

# ---- check ----

# With time stamps of TCP, whose clocks go on from before the run.
@test "day: behind a lead-in are the frames of a day that began earlier" {
    local how

    need editcap
    dayshift learn -q -o office.dsm "$SOURCE/contrib/sample.pcap.xz"
    for how in none retransmission=0.02,reordering=0.02,duplication=0.02; do
        for part in "long --start 08:50 --for 20m" "led --start 09:00 --for 10m --lead-in 10m"; do
            # shellcheck disable=SC2086 # words
            dayshift day -q -o ${part%% *}.pcap --date 2026-11-23 --impairments $how ${part#* } office.dsm
        done
        TZ=UTC editcap -F nsecpcap -A "2026-11-23 09:00:00" long.pcap part.pcap 2> words || complain "$(cat words)"
        run -0 "$HELPERS/same_frames" part.pcap led.pcap
        [[ "$output" == *" frames, all the same" && "${output%% *}" -gt 10000 ]]
    done
    [ "$(tcpdump -nr led.pcap 'tcp[12] & 0xf0 = 0x80 and tcp[20:4] = 0x0101080a' 2> /dev/null | wc -l)" -gt 1000 ]
}

@test "check: nothing in the sample or in a day is illegal" {
    local file

    for file in "$sample" "$day"; do
        dayshift check --json "$file" > json
        [ "$(json_value json '(d["legal"], d["legal_but_for_offloading"], d["udp_checksums_right"])')" = "(1.0, 1.0, 1.0)" ]
        [ "$(json_value json '{r["share"] for r in d["rules"].values()}')" = "{1.0}" ]
        [ "$(json_value json 'd["rules"]["acknowledged"]["flows"] > 0.9 * d["tcp_flows"]')" = True ]
    done
    run -0 dayshift check --list 5 "$day"
    [ "${#lines[@]}" -eq 24 ] # and no list
}

@test "check: what breaks a rule is counted and named, with its frame" {
    # the third packet of the first connection, which acknowledges the SYN-ACK, gets a FIN beside a RST
    edit flags.pcap 'data[first[2][1] + 47] = 0x15; print(first[2][0])' > frame
    dayshift check --list 10 --json flags.pcap > json
    [ "$(json_value json 'd["legal"] < 1 and d["rules"]["flags"]["share"] < 1')" = True ]
    [ "$(json_value json '[b["frame"] for f in d["illegal"] for b in f["breaks"] if b["rule"] == "flags"]')" = "[$(< frame)]" ]
    [ "$(json_value json 'd["illegal"][0]["breaks"][0]["file"]')" = flags.pcap ]
    dayshift check --list 10 flags.pcap | grep -q "^ *$(< frame)  2026-03-02T10:.*  flags  .* > .*:"
    # a checksum that a network card would have filled in
    edit sum.pcap 'data[first[2][1] + 50] ^= 1'
    dayshift check --json sum.pcap > json
    [ "$(json_value json '(d["legal"] < 1, d["legal_but_for_offloading"])')" = "(True, 1.0)" ]
    [ "$(json_value json '[k for k, r in d["rules"].items() if r["share"] < 1]')" = "['checksum']" ]
}

@test "check: several captures: the file is named" {
    edit flags.pcap 'data[first[2][1] + 47] = 0x15'
    dayshift check --list 10 flags.pcap "$day" | grep -q "  flags  .*  flags.pcap$"
}

@test "check: services, those with most flows first" {
    dayshift check --per-service "$sample" > text
    sed -n '/^service/,$p' text > services
    [ "$(sed -n '2,$p' services | grep -c '^tcp/')" -ge 2 ]
    grep -q "^all " services
    dayshift check --per-service --json "$sample" > json
    [ "$(json_value json 'sum(s["tcp_flows"] for s in d["services"]) == d["tcp_flows"]')" = True ]
    [ "$(json_value json '[s["tcp_flows"] for s in d["services"]] == sorted([s["tcp_flows"] for s in d["services"]])[::-1]')" = True ]
    [ "$(json_value json 'd["services"][0]["rules"]["flags"]["flows"] == d["services"][0]["tcp_flows"]')" = True ]
}

@test "check: options" {
    refuses 1 "--list: '0' is not a whole number from 1 to 100000" dayshift check --list 0 "$sample"
    refuses 2 "at least one capture is needed" dayshift check --per-service
}

# ---- compare ----

@test "compare: a capture with itself" {
    dayshift compare --json "$sample" "$sample" > json
    [ "$(json_value json '{v["distance"] for v in d["jensen_shannon"].values()} <= {0.0, None}')" = True ]
    [ "$(json_value json '{v["distance"] for v in d["wasserstein"].values()} <= {0.0, None}')" = True ]
    [ "$(json_value json 'd["time"]["variance_distance"]["distance"]')" = 0.0 ]
    [ "$(json_value json 'd["jensen_shannon"]["service"]["floor"] > 0')" = True ]
    [ "$(json_value json 'd["packets"][0] == d["packets"][1] > 1000 and d["flows"][0] > 500')" = True ]
}

@test "compare: a day is near the sample; a scan is not" {
    dayshift compare --json "$sample" "$day" > json
    [ "$(json_value json 'd["jensen_shannon"]["service"]["distance"] < 0.05')" = True ]
    [ "$(json_value json 'd["wasserstein"]["flow packets"]["distance"] < 0.2')" = True ]
    dayshift compare "$sample" "$day" > text
    grep -q "^  service  *[0-9.]* *[0-9.]*$" text
    grep -q "^  variance at 100 s  *[0-9.]* *[0-9.]*  *[0-9.]* *[0-9.]*$" text
    edit scan.pcap 'exec("for i, (o, n) in enumerate(frames): data[o + 22] = 33")'
    dayshift compare --json "$sample" scan.pcap > json
    [ "$(json_value json 'd["jensen_shannon"]["ttl"]["distance"]')" = 1.0 ]
}

@test "compare: what two captures are is seen from their content, or told" {
    mkdir folder
    cp "$day" folder/a
    xz -k -c "$sample" > packed
    dayshift compare folder packed > a
    dayshift compare "$day" "$sample" > b
    cmp a b
    refuses 1 "sample.pcap: not a usable model file" dayshift compare "$model" "$sample"
    refuses 1 "sample.dsm: neither a capture nor a flow log" dayshift compare "$sample" "$model"
    refuses 1 "folder: not a model file" dayshift compare folder "$model"
    refuses 1 "missing: cannot open" dayshift compare "$sample" missing
    refuses 1 "$model: neither a capture" dayshift compare --packets "$model" "$model"
    dayshift compare --packets - "$sample" < "$day" > c
    dayshift compare "$day" "$sample" | cmp - c
    head -c 100000 "$sample" > cut.pcap
    run -3 --separate-stderr dayshift compare --json "$sample" cut.pcap
    [[ $stderr == *"cut.pcap: frame 192: truncated"* ]]
}

# ---- blindtest ----

answer_all() # SHEET ANSWER
{
    sed "2,\$s/\$/$2/" "$1"
}

@test "blindtest: as many files as asked for, the same for the same seed" {
    need capinfos
    dayshift blindtest make -o a -n 20 --seed 3 "$sample" "$day" > text
    grep -q "^wrote    20 flows and answers.csv to a/flows" text
    dayshift blindtest make -q -o b -n 20 --seed 3 "$sample" "$day"
    diff -r a b
    dayshift blindtest make -q -o c -n 20 --seed 4 "$sample" "$day"
    run -1 diff -rq a c
    [ "$(find a/flows -name '*.pcap' | wc -l)" -eq 20 ]
    [ "$(stat -c %a a/seal.key)" = 600 ]
    [ "$(wc -l < a/flows/answers.csv)" -eq 21 ]
    capinfos -TSrBae a/flows/*.pcap | cut -f 2 | sort -u > starts
    [ "$(cat starts)" = 946684800.000000 ]
}

@test "blindtest: names, addresses and times tell nothing" {
    need tshark
    dayshift blindtest make -q -o a -n 20 --seed 3 "$sample" "$day"
    for file in a/flows/*.pcap; do
        tshark -r "$file" -T fields -e eth.src -e ip.src -e tcp.srcport 2> /dev/null
    done | awk '$2 == "192.0.2.1" { print }' | sort -u > initiators
    [ "$(cat initiators)" = "$(printf '00:00:5e:00:53:01\t192.0.2.1\t50000')" ]
    grep -qx "[0-9a-f]*" a/truth.sealed
    dayshift check --json a/flows/001.pcap > json # still one flow, and legal
    [ "$(json_value json '(d["tcp_flows"], d["legal"])')" = "(1, 1.0)" ]
}

@test "blindtest: payload is kept when asked for, with checksums made anew" {
    dayshift blindtest make -q -o a -n 4 --seed 3 --keep-payload "$sample" "$day"
    dayshift check --json a/flows/002.pcap > json
    [ "$(json_value json '(d["legal"], d["rules"]["checksum"]["flows"])')" = "(1.0, 1)" ]
    dayshift blindtest make -q -o b -n 4 --seed 3 "$sample" "$day"
    [ "$(du -bs a/flows | cut -f 1)" -gt "$(du -bs b/flows | cut -f 1)" ]
}

@test "blindtest: of UDP" {
    dayshift blindtest make -q -o a -n 4 --seed 3 --protocol udp --min-packets 2 "$sample" "$day"
    dayshift check --json a/flows/001.pcap > json
    [ "$(json_value json '(d["tcp_flows"], d["udp_flows"])')" = "(0, 1)" ]
}

@test "blindtest: grades" {
    dayshift blindtest make -q -o a -n 10 --seed 3 "$sample" "$day"
    answer_all a/flows/answers.csv "likely real" > anna.csv
    answer_all a/flows/answers.csv "Generated" > ben.csv
    dayshift blindtest grade --json a anna.csv > json
    [ "$(json_value json 'd["counts"]["real"]["likely real"]')" = "{'mean': 5.0, 'sd': None}" ]
    [ "$(json_value json 'd["generated_taken_for_real"]["mean"], d["real_taken_for_generated"]["mean"]')" = "(1.0, 0.0)" ]
    dayshift blindtest grade --json a anna.csv ben.csv > json
    [ "$(json_value json 'd["error_rate"]')" = "{'mean': 0.5, 'sd': 0.0}" ]
    [ "$(json_value json 'd["counts"]["generated"]["generated"]["mean"]')" = 2.5 ]
    dayshift blindtest grade a anna.csv ben.csv > text
    grep -q "^real .* 2.50 +- 3.54 " text
    mv a/seal.key elsewhere
    dayshift blindtest grade --key elsewhere --json a ben.csv > json
    [ "$(json_value json 'd["real_taken_for_generated"]["mean"]')" = 1.0 ]
    refuses 1 "a/seal.key: cannot open" dayshift blindtest grade a ben.csv
}

@test "blindtest: answers that are missing, double or unknown are named" {
    dayshift blindtest make -q -o a -n 4 --seed 3 "$sample" "$day"
    answer_all a/flows/answers.csv real > right.csv
    refuses 1 "answers.csv: line 2: no answer for flow 001" dayshift blindtest grade a a/flows/answers.csv
    sed 3d right.csv > few.csv
    refuses 1 "few.csv: no answer for flow 002" dayshift blindtest grade a few.csv
    { cat right.csv; echo 3,real; } > double.csv
    refuses 1 "double.csv: line 6: a second answer for flow 3" dayshift blindtest grade a right.csv double.csv
    sed 's/real$/echt/' right.csv > echt.csv
    refuses 1 "echt.csv: line 2: 'echt' is none of: real," dayshift blindtest grade a echt.csv
    refuses 1 "missing: cannot open" dayshift blindtest grade a missing
    refuses 1 "nowhere/truth.sealed: cannot open" dayshift blindtest grade nowhere right.csv
    dayshift blindtest make -q -o b -n 4 --seed 4 "$sample" "$day"
    refuses 1 "a/truth.sealed: the key does not open the truth" dayshift blindtest grade --key b/seal.key a right.csv
}

@test "blindtest: how it is used wrong" {
    refuses 2 "'make' or 'grade' comes first" dayshift blindtest
    refuses 2 "'make' or 'grade' comes first" dayshift blindtest --no-such
    refuses 2 "dayshift blindtest make: unrecognized option '--no-such'" dayshift blindtest make --no-such
    refuses 2 "an output directory (-o) and two captures" dayshift blindtest make -o a "$sample"
    refuses 2 "an output directory (-o) and two captures" dayshift blindtest make "$sample" "$day"
    refuses 2 "the directory of a test and at least one sheet" dayshift blindtest grade a
    refuses 1 "--flows: '3' is odd" dayshift blindtest make -o a -n 3 "$sample" "$day"
    refuses 1 "--flows: '1002' is not" dayshift blindtest make -o a -n 1002 "$sample" "$day"
    refuses 1 "--protocol: 'icmp' is not one of: tcp, udp" dayshift blindtest make -o a --protocol icmp "$sample" "$day"
    refuses 1 "flows of TCP over IPv4 with at least 1000 packets; 5 are needed" \
        dayshift blindtest make -q -o a -n 10 --min-packets 1000 "$sample" "$day"
    refuses 1 "missing: cannot open" dayshift blindtest make -q -o a -n 10 "$sample" missing
    refuses 1 "standard input cannot be read twice" dayshift blindtest make -q -o a -n 10 "$sample" -
    mkdir there
    refuses 1 "there: is there already" dayshift blindtest make -q -o there -n 10 "$sample" "$day"
    refuses 1 "no/such: cannot create" dayshift blindtest make -q -o no/such -n 10 "$sample" "$day"
    for verb in make grade; do
        run -0 dayshift blindtest "$verb" --help
        [ "$(wc -L <<< "$output")" -le 100 ]
    done
}
