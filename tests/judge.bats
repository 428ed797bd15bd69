#!/usr/bin/env bats
# dayshift identify and score as a user runs them.
# shellcheck disable=SC2030,SC2031,SC2154 # each test is a subshell; bats sets stderr_lines

setup_file()
{
    load helpers
    make_log "$BATS_FILE_TMPDIR/log.csv"
}

setup()
{
    load helpers
    enter_scratch
    log=$BATS_FILE_TMPDIR/log.csv
    few=(--min-records 60 --segment 20)
}

# Four hosts, each with services, sizes and a pace of its own, 300 flows each, always the same.
make_log()
{
    python3 - "$1" << 'END'
import random, sys

random.seed(1)
rows = []
for host in range(4):
    at = 1772445600.0
    for _ in range(300):
        at += random.expovariate(0.1 * (host + 1))
        port = random.choice([80, 443, 53, 22, 993, 25][host:host + 3])
        packets = random.randint(1 + 3 * host, 8 + 3 * host)
        rows.append((at, "10.0.0.%d" % (host + 1), "192.0.2.%d" % random.randint(1, 5),
                     random.randint(49152, 65535), port, packets, packets * (60 + 100 * host)))
with open(sys.argv[1], "w") as file:
    file.write("ts,td,sa,da,sp,dp,pr,pkt,byt\n")
    for at, source, to, port, service, packets, size in sorted(rows):
        file.write("%.3f,0.1,%s,%s,%d,%d,TCP,%d,%d\n" % (at, source, to, port, service, packets, size))
END
}

identify()
{
    dayshift identify --quiet --columns "start=ts,duration=td,src=sa,dst=da,sport=sp,dport=dp,proto=pr,packets=pkt,bytes=byt" \
        --local 10.0.0.0/24 "$@"
}

score()
{
    dayshift score --quiet --columns "start=ts,duration=td,src=sa,dst=da,sport=sp,dport=dp,proto=pr,packets=pkt,bytes=byt" \
        --local 10.0.0.0/24 "$@"
}

@test "both explain themselves, no wider than 100 columns" {
    local verb

    for verb in identify score; do
        run -0 --separate-stderr dayshift "$verb" --help
        [[ $output == "Usage: dayshift $verb "* ]]
        [ -z "$stderr" ]
        [ "$(wc -L <<< "$output")" -le 100 ]
    done
}

@test "hosts that differ are told" {
    run -0 --separate-stderr identify "${few[@]}" "$log"
    [ -z "$stderr" ]
    [[ ${lines[0]} == "all         4 hosts, 20 segments: 1.000 right, mean of hosts 1.000" ]]
    [[ $output == *"chance      0.250"* ]]
    [[ $output == *"10.0.0.4"* ]]
    identify "${few[@]}" --json "$log" > out.json
    [ "$(json_value out.json 'd["accuracy"], d["hosts"], d["segments"], d["chance"]')" = "(1.0, 4, 20, 0.25)" ]
    [ "$(json_value out.json '[h["segments"] for h in d["per_host"]]')" = "[5, 5, 5, 5]" ]
    [ "$(json_value out.json 'sum(h["hosts"] for h in d["halves"])')" = 4 ]
    [ "$(json_value out.json 'd["terms"]')" = "['state', 'packets', 'bytes', 'initiator_port', 'responder_port', 'gap']" ]
}

@test "a term that says nothing tells no host" {
    identify "${few[@]}" --terms responder_port --json "$log" > out.json
    [ "$(json_value out.json 'd["accuracy"]')" = 0.25 ]
}

@test "fewer segments, other cuts" {
    identify "${few[@]}" --segments-per-host 2 --train 0.5 --json "$log" > out.json
    [ "$(json_value out.json 'd["segments"]')" = 8 ]
    identify "${few[@]}" --segments-per-host 100 --train 0.5 --json "$log" > out.json
    [ "$(json_value out.json 'd["segments"]')" = 28 ]
}

@test "new flows are judged by the hosts of a model" {
    dayshift learn -q -o net.dsm --local 10.0.0.0/24 \
        --columns "start=ts,duration=td,src=sa,dst=da,sport=sp,dport=dp,proto=pr,packets=pkt,bytes=byt" "$log"
    identify "${few[@]}" --model net.dsm --json "$log" > out.json
    [ "$(json_value out.json '[h["taken_for"] for h in d["per_host"]] == [h["host"] for h in d["per_host"]]')" = True ]
    [ "$(json_value out.json 'all(-30 < h["nats_per_record"] < 0 for h in d["per_host"])')" = True ]
    [ "$(json_value out.json '"accuracy" in d')" = False ]
    run -0 identify "${few[@]}" --model net.dsm "$log"
    [[ ${lines[0]} == *"host of the model" ]]
    refuses 1 "no.dsm" identify "${few[@]}" --model no.dsm "$log"
}

@test "genuine, synthetic, spliced: in this order, and the same every time" {
    score "${few[@]}" --json "$log" > out.json
    [ "$(json_value out.json 'd["hosts"], d["spliced_below"], d["genuine_level"], d["in_order"]')" = "(4, 4, 4, 4)" ]
    [ "$(json_value out.json 'abs(d["gap"]) < 1 / 3')" = True ]
    score "${few[@]}" --json "$log" > again.json
    cmp out.json again.json
    score "${few[@]}" --json --seed 2 "$log" > other.json
    run ! cmp -s out.json other.json
    run -0 score "${few[@]}" --trials 2 "$log"
    [[ ${lines[0]} == "nats a record, mean of 4 hosts" ]]
    [[ ${output} == *"both, within the error 4 hosts of 4"* ]]
}

@test "what cannot be judged, and what is wrong, is said" {
    refuses 2 "at least one input" dayshift identify
    refuses 2 "at least one input" dayshift score
    refuses 1 "none has 450 records, 150 of them to be judged" identify "$log"
    refuses 1 "--train: '1' is not a share" identify --train 1 "$log"
    refuses 1 "--train: 'x' is not a share" score --train x "$log"
    refuses 1 "--terms: 'peers' is not one of" identify --terms state,peers "$log"
    refuses 1 "--terms: bytes: synthetic flows have none" score --terms state,bytes "$log"
    refuses 1 "--segment" identify --segment 0 "$log"
    refuses 1 "--segments-per-host" identify --segments-per-host 0 "$log"
    refuses 1 "--trials" score --trials 0 "$log"
    refuses 1 "gone.csv" identify gone.csv
    refuses 1 "--one-way goes with flow logs" dayshift identify --one-way "$BUNDLED_CAPTURE"
    grep -e '^ts' -e ',10\.0\.0\.2,' "$log" > one.csv
    refuses 1 "no other to be told from" score "${few[@]}" one.csv
    refuses 1 "no other to be told from" identify "${few[@]}" one.csv
}

@test "UGR'16 set A: at least 88 % of segments are told" {
    local log=$DAYSHIFT_CAPTURES/ugr16_isp_20160411_A.csv.xz

    [ -n "${DAYSHIFT_CAPTURES:-}" ] || skip "DAYSHIFT_CAPTURES names no folder of captures"
    [ -e "$log" ] || skip "no UGR'16 in DAYSHIFT_CAPTURES"
    dayshift identify -q --json --hosts "${log%.csv.xz}.hosts.tsv" "$log" > out.json
    [ "$(json_value out.json 'd["hosts"] >= 100 and d["accuracy"] >= 0.88 and d["host_mean"] >= 0.88')" = True ]
    [ "$(json_value out.json 'min(h["accuracy"] for h in d["halves"]) >= 0.88')" = True ]
    dayshift identify -q --json --one-way --hosts "${log%.csv.xz}.hosts.tsv" "$log" > out.json
    [ "$(json_value out.json 'd["hosts"] >= 105 and d["accuracy"] >= 0.88 and d["host_mean"] >= 0.88')" = True ]
}

@test "UGR'16 set A: genuine, synthetic, spliced" {
    local log=$DAYSHIFT_CAPTURES/ugr16_isp_20160411_A.csv.xz

    [ -n "${DAYSHIFT_CAPTURES:-}" ] || skip "DAYSHIFT_CAPTURES names no folder of captures"
    [ -e "$log" ] || skip "no UGR'16 in DAYSHIFT_CAPTURES"
    dayshift score -q --json --one-way --hosts "${log%.csv.xz}.hosts.tsv" "$log" > out.json
    [ "$(json_value out.json 'd["hosts"] >= 105 and d["in_order"] >= 0.95 * d["hosts"]')" = True ]
    [ "$(json_value out.json 'd["genuine_above"] >= 0.6 * d["hosts"] and abs(d["gap"]) < 1 / 3')" = True ]
}
