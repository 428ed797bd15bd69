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
    ! cmp -s a.pcap c.pcap
    [ "$(wc -l < a.csv)" = 301 ]
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
    head -n 1 day.csv | grep -q 'label,ending$'
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

@test "sessions: wrong use is refused in a line" {
    refuses 2 "how many" dayshift sessions -o a.pcap "$model"
    refuses 1 "--packet-model: 'x' is not one of" dayshift sessions -n 1 -o a.pcap --packet-model x "$model"
    refuses 1 "--protocol: 'sctp'" dayshift sessions -n 1 -o a.pcap --protocol sctp "$model"
    refuses 1 "--rate" dayshift sessions -n 1 -o a.pcap --rate 0 "$model"
    refuses 1 "overlap" dayshift sessions -n 1 -o a.pcap --outside 198.18.0.0/24 "$model"
    refuses 1 "no-such-dir" dayshift sessions -q -n 1 -o a.pcap --truth no-such-dir/t.csv "$model"
}
