#!/usr/bin/env bats
# dayshift fill: gaps in record files, marked and found.
# shellcheck disable=SC2030,SC2031,SC2154 # each test is a subshell; bats sets stderr_lines

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
    gap=2026-03-02T10:06/2026-03-02T10:08
    host=$(sed -n '1s/.*\t//p' "$BATS_FILE_TMPDIR/sample.map")
}

# The flows of the sample as CSV, but for those that begin in the gap.
make_hole()
{
    dayshift fill -q --gap "$gap" --replace -o all.csv "$sample"
    grep -v ',synthetic$' all.csv > hole.csv
}

@test "a marked gap: all genuine records, and synthetic ones in it, in order of time" {
    make_hole
    run -0 --separate-stderr dayshift fill --gap "$gap" -o filled.csv hole.csv
    [[ ${lines[0]} == "gaps     "*", of one host each" ]]
    grep -v synthetic filled.csv > genuine.csv
    cmp genuine.csv hole.csv
    [ "$(grep -c synthetic filled.csv)" -gt 20 ]
    awk -F, '$17 == "synthetic" && ($1 < "2026-03-02 10:06" || $1 > "2026-03-02 10:08")' filled.csv > outside
    [ ! -s outside ]
    tail -n +2 filled.csv | cut -d, -f1 | sort -c
}

@test "what was filled is read back: csv, json, nfcapd" {
    make_hole
    dayshift fill -q --gap "$gap" -o filled.csv hole.csv
    dayshift fill -q --gap "$gap" --format json -o filled.json hole.csv
    dayshift fill -q --gap "$gap" --only --format json -o only.json hole.csv
    run -0 dayshift learn -q --json -o a.dsm filled.csv
    echo "$output" > a
    run -0 dayshift learn -q --json -o b.dsm filled.json
    echo "$output" > b
    [ "$(json_value a 'd["flows"]')" -eq $(($(wc -l < filled.csv) - 1)) ]
    [ "$(json_value b 'd["flows"]')" -gt $(($(wc -l < filled.json) * 9 / 10)) ] # pings have no identifiers there
    [ "$(grep -c '"label":"synthetic"' filled.json)" -eq "$(grep -c synthetic filled.csv)" ]
    [ "$(wc -l < only.json)" -eq "$(grep -c synthetic filled.csv)" ]
    run ! grep -q label only.json
    dayshift fill -q --gap "$gap" --only --format nfcapd -o only.nfcapd hole.csv
    [ -s only.nfcapd ]
}

# Pings, and bytes of headers, are of the hosts' family.
@test "what was filled is read back: IPv6" {
    make_hole
    sed 's/10\.183\.213\./2001:db8::/g; s/203\.0\.113\./2001:db8:1::/g; s/,8\.0,ICMP,/,128.0,ICMP6,/' hole.csv > hole6.csv
    dayshift fill -q --gap "$gap" -l 2001:db8::/48 -o filled.csv hole6.csv
    [ "$(grep synthetic filled.csv | grep -c ',128\.0,ICMP6,')" -gt 0 ]
    run -0 dayshift learn -q --json -l 2001:db8::/48 -o a.dsm filled.csv
    echo "$output" > a
    [ "$(json_value a 'd["flows"]')" -eq $(($(wc -l < filled.csv) - 1)) ]
    # A question to a name server: the headers of IPv6 and UDP, and what it asks.
    [ -z "$(awk -F, '$17 == "synthetic" && $8 == "UDP" && $13 < 48 * $12' filled.csv)" ]
}

@test "a table whose columns are named" {
    make_hole
    tail -n +2 hole.csv > table.csv
    run -0 dayshift fill -q --gap "$gap" -o filled.csv \
        --columns start=1,duration=3,src=4,dst=5,sport=6,dport=7,proto=8,packets=12,bytes=13,rpackets=14,rbytes=15 table.csv
    [ "$(grep -c synthetic filled.csv)" -gt 20 ]
    refuses 1 "table.csv" dayshift fill --gap "$gap" -o none.csv table.csv
    refuses 1 "no-such" dayshift fill --gap "$gap" --input-format no-such -o none.csv table.csv
}

@test "peers are the host's own" {
    make_hole
    dayshift fill -q --gap "$gap" --host "$host" -o filled.csv hole.csv
    tail -n +2 filled.csv | awk -F, '$17 == "genuine" { print $4; print $5 }' | sort -u > known
    tail -n +2 filled.csv | awk -F, '$17 == "synthetic" { print $4; print $5 }' | sort -u > used
    [ -s used ]
    [ -z "$(comm -13 known used)" ]
    awk -F, -v host="$host" '$17 == "synthetic" && $4 != host && $5 != host' filled.csv > others
    [ ! -s others ]
}

@test "same seed, same bytes; another seed, others" {
    make_hole
    for name in a b; do
        dayshift fill -q --gap "$gap" -o $name hole.csv
    done
    cmp a b
    dayshift fill -q --gap "$gap" --seed 2 -o c hole.csv
    run ! cmp -s a c
}

@test "a gap is found where it is" {
    make_hole
    run -0 dayshift fill --find --json -o filled.csv hole.csv
    echo "$output" > found
    [ "$(json_value found 'd["gaps"]')" -eq 1 ]
    [[ $(json_value found 'd["fillings"][0]["from"]') == 2026-03-02T10:05:5* ]]
    [[ $(json_value found 'd["fillings"][0]["to"]') == 2026-03-02T10:08:0* ]]
    refuses 1 "no silence in it is too long for its clock" dayshift fill --find -o none.csv "$sample"
}

@test "records that lie in a gap are kept, unless they are to be replaced" {
    refuses 1 "records lie in it; with --replace" dayshift fill --gap "$gap" -o filled.csv "$sample"
    run -0 dayshift fill --gap "$gap" --replace -o filled.csv "$sample"
    [[ $output == *"replaced "*" flows that lay in a gap"* ]]
}

@test "side by side, in 120 columns" {
    run -0 --separate-stderr dayshift fill --gap "$gap" --replace --list -q --host "$host" "$sample"
    echo "$output" > list
    [ "$(wc -L < list)" -le 120 ]
    [[ ${lines[0]} == "$host, 2026-03-02T10:06:00.000 to 2026-03-02T10:08:00.000" ]]
    [[ ${lines[1]} == "exact: "*" records, ln p "* ]]
    [[ ${lines[2]} == "original; missing: # "*" | filled; synthetic: +" ]]
    [ "$(grep -c '^#' list)" -gt 0 ]
    [ "$(grep -c '| +' list)" -gt 0 ]
    [ "$(grep -c '^ 10:.*|  10:' list)" -eq 8 ] # four records on either side
}

@test "as JSON: what is missing, and what is there now" {
    dayshift fill --gap "$gap" --replace --json -q --host "$host" --count 7 "$sample" > filled.json
    [ "$(json_value filled.json 'd["fillings"][0]["count"]')" -eq 7 ]
    [ "$(json_value filled.json 'd["fillings"][0]["host"]')" = "$host" ]
    [ "$(json_value filled.json 'sum(r["kind"] == "missing" for r in d["fillings"][0]["original"]) == d["missing"]')" = True ]
    [ "$(json_value filled.json 'sum(r["kind"] == "synthetic" for r in d["fillings"][0]["filled"])')" -eq 7 ]
    [ "$(json_value filled.json 'd["fillings"][0]["log_before"] < 0 and d["fillings"][0]["log_after"] < 0')" = True ]
}

@test "exact filling is more likely than the search's" {
    for method in exact search; do
        dayshift fill --gap "$gap" --replace --json -q --count 20 --method $method "$sample" > $method.json
    done
    python3 - << 'END'
import json
a, b = ([f["log_likelihood"] for f in json.load(open(m + ".json"))["fillings"]] for m in ("exact", "search"))
assert len(a) == len(b) > 5
assert sum(x > y - 1e-6 for x, y in zip(a, b)) >= 0.95 * len(a), (a, b)
END
}

@test "a host of a model" {
    make_hole
    run -0 dayshift fill -q --gap "$gap" --model "$model" --host "$host=0" -o a.csv hole.csv
    [ "$(grep -c synthetic a.csv)" -gt 0 ]
    refuses 1 "none with that number" dayshift fill --gap "$gap" --model "$model" --host "$host=999" -o b.csv hole.csv
    refuses 2 "ADDRESS=ID" dayshift fill --gap "$gap" --model "$model" -o b.csv hole.csv
    refuses 2 "ADDRESS=ID" dayshift fill --gap "$gap" --model "$model" --host "$host" -o b.csv hole.csv
    refuses 2 "needs a --model" dayshift fill --gap "$gap" --host "$host=0" -o b.csv hole.csv
}

@test "bad requests" {
    local day=2026-03-02

    refuses 2 "either a gap" dayshift fill -o out.csv "$sample"
    refuses 2 "either a gap" dayshift fill --find --gap "$gap" -o out.csv "$sample"
    refuses 2 "an output file" dayshift fill --gap "$gap" "$sample"
    refuses 2 "at least one input" dayshift fill --gap "$gap" -o out.csv
    refuses 2 "--replace goes with" dayshift fill --find --replace -o out.csv "$sample"
    refuses 2 "use --only" dayshift fill --gap "$gap" --format nfcapd -o out "$sample"
    refuses 2 "cannot both go" dayshift fill --gap "$gap" --list -o - "$sample"
    refuses 1 "is not FROM/TO" dayshift fill --gap 10:00 -o out.csv "$sample"
    refuses 1 "is not FROM/TO" dayshift fill --gap "$day/${day}T10:00" -o out.csv "$sample"
    refuses 1 "ends before it begins" dayshift fill --gap "${day}T10:08/${day}T10:06" -o out.csv "$sample"
    refuses 1 "not between the first record and the last" \
        dayshift fill --gap 2020-01-01T10:00/2020-01-01T11:00 -o out.csv "$sample"
    refuses 1 "two gaps overlap" dayshift fill --gap "$gap" --gap "${day}T10:07/${day}T10:09" -o out.csv "$sample"
    refuses 1 "the input has no record of it" dayshift fill --gap "$gap" --host 192.0.2.99 -o out.csv "$sample"
    refuses 1 "is not an address" dayshift fill --gap "$gap" --host nobody -o out.csv "$sample"
    refuses 1 "named twice" dayshift fill --gap "$gap" --host "$host" --host "$host" -o out.csv "$sample"
    refuses 1 "--method" dayshift fill --gap "$gap" --method guess -o out.csv "$sample"
    refuses 1 "--draws" dayshift fill --gap "$gap" --draws 0 -o out.csv "$sample"
    refuses 1 "--count" dayshift fill --gap "$gap" --count 1e9 -o out.csv "$sample"
    refuses 1 "--format" dayshift fill --gap "$gap" --format xml -o out.csv "$sample"
    refuses 1 "missing.pcap" dayshift fill --gap "$gap" -o out.csv missing.pcap
    refuses 1 "no local host sent a packet" dayshift fill --gap "$gap" -l 10.255.0.0/16 -o out.csv "$sample"
    refuses 1 "nowhere" dayshift fill --gap "$gap" --replace -o nowhere/out.csv "$sample"
}

@test "an input is not overwritten" {
    cp "$sample" copy.pcap
    refuses 1 "copy.pcap" dayshift fill --gap "$gap" --replace -o copy.pcap copy.pcap
    cmp copy.pcap "$sample"
}
