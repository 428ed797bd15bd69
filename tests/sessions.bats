#!/usr/bin/env bats
# dayshift sessions, and the ground truth, as a user runs them.
# shellcheck disable=SC2030,SC2031,SC2154 # each test is a subshell; bats sets stderr_lines

setup_file()
{
    load helpers
    xz -dc "$BUNDLED_CAPTURE" > "$BATS_FILE_TMPDIR/sample.pcap"
    dayshift learn -q -o "$BATS_FILE_TMPDIR/sample.dsm" "$BATS_FILE_TMPDIR/sample.pcap"
}

setup()
{
    load helpers
    enter_scratch
    model=$BATS_FILE_TMPDIR/sample.dsm
}

# share NAME FILE: what 'dayshift check' says of the TCP flows of the capture.
share()
{
    dayshift check "$2" | awk -v name="$1" 'index($0, name) == 1 { print $(NF > 3 && $(NF - 1) == "of" ? NF - 2 : NF) }'
}

@test "sessions: as many as asked for, the same bytes again, another seed another file" {
    dayshift sessions -q -n 300 -o a.pcap --truth a.csv "$model"
    dayshift sessions -q -n 300 -o b.pcap --truth b.csv "$model"
    dayshift sessions -q -n 300 -o c.pcap --seed 2 "$model"
    cmp a.pcap b.pcap
    cmp a.csv b.csv
    run ! cmp -s a.pcap c.pcap
    [ "$(wc -l < a.csv)" = 301 ]
}

# A log has no packets: all sessions are the ones of `messages`.
@test "sessions: what was learned from a flow log is played, and legally" {
    dayshift synth -q --format csv -o log.csv -n 3000 "$model"
    dayshift learn -q -o log.dsm log.csv
    dayshift sessions -q -n 500 --protocol tcp -o symbols.pcap --truth log.truth.csv log.dsm
    dayshift sessions -q -n 500 --protocol tcp --packet-model messages -o messages.pcap log.dsm
    cmp symbols.pcap messages.pcap
    [ "$(wc -l < log.truth.csv)" = 501 ]
    [ "$(share legal: symbols.pcap)" = 1.0000 ]
    dayshift day -q --for 10m -o day.pcap log.dsm
    dayshift learn -q -o again.dsm day.pcap
    dayshift info --json again.dsm > again.json
    [ "$(json_value again.json 'd["flows"] > 300 and d["packets"] > 3000')" = True ]
    [ "$(share legal: day.pcap)" = 1.0000 ]
}

@test "sessions: the truth is what a meter finds in the packets" {
    need python3
    dayshift sessions -q -n 500 --rate 2 --protocol tcp -o a.pcap --truth a.csv "$model"
    dayshift features -q -o features.csv a.pcap
    python3 - << 'EOF'
import csv

truth = {(r["sa"], r["sp"], r["da"], r["dp"]): r for r in csv.DictReader(open("a.csv"))}
found = list(csv.DictReader(open("features.csv")))
assert len(truth) == 500, len(truth)
assert len(found) == 500, len(found)
for f in found:
    t = truth[f["initiator"], f["initiator_port"], f["responder"], f["responder_port"]]
    assert int(f["initiator_packets"]) == int(t["ipkt"]), (f, t)
    assert int(f["responder_packets"]) == int(t["opkt"]), (f, t)
EOF
}

@test "sessions: each packet model plays, and all but Falk's keep to TCP" {
    for packet_model in symbols messages bn-tcp bn; do
        dayshift sessions -q -n 400 --protocol tcp --packet-model $packet_model -o a.pcap "$model"
        [ $packet_model = bn ] || [ "$(share 'legal: no rule' a.pcap)" = 1.0000 ] ||
            complain "$packet_model: $(dayshift check a.pcap)"
    done
}

@test "sessions: only of the protocol that is asked for" {
    dayshift sessions -q -n 50 --protocol udp -o a.pcap --truth a.csv "$model"
    [ "$(tail -n +2 a.csv | cut -d, -f8 | sort -u)" = UDP ]
}

@test "day: the truth has every session" {
    dayshift day -o day.pcap --truth day.csv --for 20m "$model" > summary
    planned=$(sed -n 's/^planned *\([0-9,]*\) flows.*/\1/p' summary | tr -d ,)
    [ "$(tail -n +2 day.csv | wc -l)" = "$planned" ]
    head -n 1 day.csv | grep -q 'label,state,population,host,overlay,slink,dlink,svlan,dvlan,errors,unsent,cut$'
}

# make_classes: a model of the sample in which the flows of a port have three classes, which nothing else tells.
make_classes()
{
    dayshift features -q "$BATS_FILE_TMPDIR/sample.pcap" | awk -F, -v OFS=, '
        NR == 1 { print "protocol,initiator,initiator_port,responder,responder_port,start_ns,label" }
        NR > 1 && $2 != "icmp" { print $2, $3, $4, $5, $6, $7, "class." $4 % 3 }' > labels.csv
    dayshift learn -q --labels labels.csv -o classes.dsm "$BATS_FILE_TMPDIR/sample.pcap"
}

# check_classes TRUTH CAPTURE: the capture's flows, read with the truth as their labels, have the classes of the truth.
check_classes()
{
    need python3
    dayshift features -q --labels "$1" -o found.csv "$2"
    dayshift learn -q --labels "$1" -l 198.18.0.0/16 -o again.dsm "$2"
    dayshift info --json again.dsm > again.json
    python3 - "$1" << 'EOF'
import collections, csv, json, sys

ends = collections.defaultdict(set)
wanted = collections.Counter()
for t in csv.DictReader(open(sys.argv[1])):
    ends[t["pr"].lower(), t["sa"], t["sp"], t["da"], t["dp"]].add(t["label"])
    if t["label"]:
        wanted[t["pr"].lower(), t["label"]] += 1
assert len({label for _, label in wanted}) == 3, wanted
found = collections.Counter()
for f in csv.DictReader(open("found.csv")):
    if f["protocol"] == "icmp": # which tables of labels do not have
        continue
    labels = ends[f["protocol"], f["initiator"], f["initiator_port"], f["responder"], f["responder_port"]]
    assert f["label"] in labels, (f, labels)
    found[f["protocol"], f["label"]] += 1
learned = collections.Counter()
for service in json.load(open("again.json"))["services"]:
    for c in service["classes"]:
        learned[service["service"].split("/")[0], c["class"]] += c["flows"]
assert learned == found, (learned, found)
assert found == wanted, (found, wanted)
EOF
}

@test "sessions and day: read as labels, the truth gives every session its class" {
    make_classes
    dayshift sessions -q -n 800 --rate 5 -o a.pcap --truth a.csv classes.dsm
    check_classes a.csv a.pcap
    dayshift day -q --for 30m -o b.pcap --truth b.csv classes.dsm
    check_classes b.csv b.pcap
}

# write_blocks FILE: a capture of flows in which blocks of 4000 and of 9000 bytes are asked for, one each, over UDP.
write_blocks()
{
    python3 - "$1" << 'EOF'
import struct, sys

def checksum(data):
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff

def put(file, ns, source, destination, number, ports, size):
    datagram = struct.pack(">HHHH", *ports, 8 + size, 0) + bytes(size)
    for at in range(0, len(datagram), 1480):
        piece = datagram[at:at + 1480]
        more = 0x2000 if at + 1480 < len(datagram) else 0
        header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(piece), number, more | at // 8, 64, 17, 0, source, destination)
        header = header[:10] + struct.pack(">H", checksum(header)) + header[12:]
        frame = bytes(12) + b"\x08\x00" + header + piece
        file.write(struct.pack("<IIII", ns // 10**9, ns % 10**9, len(frame), len(frame)) + frame)
        ns += 12000

with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 65535, 1))
    for i in range(300):
        start = 1700000000 * 10**9 + i * 10**9
        ports = 20000 + i, 2049
        client, server = bytes([10, 0, 0, 1 + i % 9]), bytes([10, 0, 0, 200])
        for k in range(1 + i % 3):
            put(file, start + 2 * k * 10**7, client, server, 3 * i + k + 1, ports, 100)
            put(file, start + (2 * k + 1) * 10**7, server, client, 3 * i + k + 1, ports[::-1], 4000 if i % 2 else 9000)
EOF
}

@test "sessions: large datagrams go out in pieces, as large as they were learned" {
    need python3 tshark
    write_blocks blocks.pcap
    dayshift learn -q -l 10.0.0.0/24 --labels port -o blocks.dsm blocks.pcap
    dayshift sessions -q -n 400 -o a.pcap --truth a.csv blocks.dsm
    fields="-T fields -e udp.srcport -e udp.length -e udp.checksum.status"
    # shellcheck disable=SC2086 # several words
    tshark -n -o udp.check_checksum:TRUE -r a.pcap -Y 'udp.srcport == 2049' $fields 2> /dev/null > answers
    [ "$(wc -l < answers)" -ge 700 ]
    # 95 of 100 are such blocks, and all have right checksums
    awk -F'\t' '{ n[$2]++ } $3 != 1 { bad++ }
        END { exit bad > 0 || n[4008] < 0.4 * NR || n[9008] < 0.4 * NR || n[4008] + n[9008] < 0.95 * NR }' answers ||
        complain "$(sort answers | uniq -c)"
    [ -z "$(tshark -n -r a.pcap -Y 'ip.fragment.error || ip.fragment.overlap || _ws.malformed' 2> /dev/null)" ]
    # the truth counts the pieces
    dayshift features -q -o found.csv a.pcap
    [ "$(awk -F, 'NR > 1 { n += $12 + $14 } END { print n }' a.csv)" = "$(awk -F, 'NR > 1 { n += $10 + $11 } END { print n }' found.csv)" ]
}

@test "sessions: wrong use is refused in a line" {
    refuses 2 "how many" dayshift sessions -o a.pcap "$model"
    refuses 1 "--packet-model: 'x' is not one of" dayshift sessions -n 1 -o a.pcap --packet-model x "$model"
    refuses 1 "--protocol: 'sctp'" dayshift sessions -n 1 -o a.pcap --protocol sctp "$model"
    refuses 1 "--rate" dayshift sessions -n 1 -o a.pcap --rate 0 "$model"
    refuses 1 "overlap" dayshift sessions -n 1 -o a.pcap --outside 198.18.0.0/24 "$model"
    refuses 1 "no-such-dir" dayshift sessions -q -n 1 -o a.pcap --truth no-such-dir/t.csv "$model"
}
