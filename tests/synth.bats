#!/usr/bin/env bats
# dayshift synth as a user runs it: records of hosts, of mixtures and of a day, in all formats.
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
    model=$BATS_FILE_TMPDIR/sample.dsm
    window=(--date "$SAMPLE_DATE" --start "$SAMPLE_START" --for 10m)
}

synth()
{
    dayshift synth --quiet "$@"
}

# has EXPRESSION VALUE: of the summary that synth_json printed
has()
{
    [ "$(json_value summary.json "$1")" = "$2" ] || complain "$1: $(json_value summary.json "$1"), not $2"
}

synth_json()
{
    dayshift synth --json "$@" > summary.json
}

# Packets and bytes of a CSV file, both ways.
csv_sums()
{
    awk -F, 'NR > 1 { packets += $12 + $14; bytes += $13 + $15 } END { print packets, bytes }' "$1"
}

@test "records of all hosts, in order, as many as asked for" {
    synth -o all.csv -n 5000 "$model"
    [ "$(wc -l < all.csv)" -eq 5001 ]
    [ "$(head -n 1 all.csv)" = ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt,oflg ]
    cut -d, -f1 all.csv | tail -n +2 | sort -c
    synth_json -o new.csv -n 5000 "$model"
    cmp all.csv new.csv
    has '[d[k] for k in ("records", "hosts", "format", "output")]' "[5000, 12, 'csv', 'new.csv']"
    has 'd["packets"], d["bytes"]' "($(csv_sums all.csv | sed 's/ /, /'))"
    has 'd["last_ns"] > d["first_ns"]' True
}

@test "the same bytes with any number of threads, others with another seed" {
    local format jobs

    for format in csv json nfcapd; do
        synth --format "$format" -o "one.$format" -n 20000 "$model"
        for jobs in 2 5; do
            synth --format "$format" -j "$jobs" -o "more.$format" -n 20000 "$model"
            cmp "one.$format" "more.$format"
        done
        synth --format "$format" --seed 2 -o "more.$format" -n 20000 "$model"
        run ! cmp -s "one.$format" "more.$format"
    done
    synth -j 3 -o - -n 20000 "$model" | cmp - one.csv
}

@test "every format is read back as the same flows" {
    local format

    need nfdump
    for format in csv json nfcapd; do
        synth --format "$format" -o "log.$format" "${window[@]}" "$model"
        dayshift learn -q --local 198.18.0.0/16 -o "$format.dsm" "log.$format"
        dayshift info --json "$format.dsm" > "$format.info"
        # not flows: csv alone has the identifiers of pings, by which they are several
        json_value "$format.info" 'd["packets"], len(d["hosts"]), d["outside_peers"]'
    done > figures
    [ "$(sort -u figures | wc -l)" -eq 1 ] || complain "$(cat figures)"
}

@test "nfdump reads nfcapd files: flows, packets, bytes, times, both directions" {
    need nfdump
    synth -o log.csv -n 3000 "$model"
    synth --format nfcapd -o log.nfcapd -n 3000 "$model"
    nfdump -I -r log.nfcapd > said
    grep -qx 'Flows: 3000' said
    [ "$(sed -n 's/^Packets: //p; s/^Bytes: //p' said | paste -sd ' ')" = "$(csv_sums log.csv)" ]
    # nfdump prints a number with a colon or a point where it has a type of ICMP: addresses, times and sizes do
    nfdump -q -N -r log.nfcapd -o 'fmt:%ts,%td,%sa,%da,%pkt,%byt,%opkt,%obyt' | tr -d ' ' > theirs
    awk -F, 'NR > 1 { print substr($1, 1, 10) substr($1, 12, 12) "," $4 "," $5 "," $12 "," $13 "," $14 "," $15 }' log.csv > ours
    cut -d, -f1,3- theirs | diff - ours
    refuses 1 "standard output: an nfcapd file cannot go into a pipe" \
        bash -o pipefail -c "'$DAYSHIFT' synth -q --format nfcapd -n 10 -o - '$model' | cat"
    synth --format nfcapd -n 3000 -o - "$model" > again.nfcapd
    cmp log.nfcapd again.nfcapd
}

@test "records of a day are the flows that day makes packets of" {
    synth -o day.csv "${window[@]}" "$model"
    dayshift day -q --packet-model messages -o day.pcap "${window[@]}" "$model"
    python3 - <<'PYTHON'
import collections, csv, datetime, struct

def seconds(text):
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc).timestamp()

def address(text):
    return bytes(map(int, text.split('.')))

sent, last = collections.defaultdict(lambda: [0, 0]), {}
data, at = open('day.pcap', 'rb').read(), 24
while at < len(data):
    s, ns, size, _ = struct.unpack_from('<IIII', data, at)
    ip = data[at + 30:at + 16 + size]
    at += 16 + size
    sp, dp = struct.unpack('>HH', ip[20:24]) if ip[9] != 1 else (0, 0)
    key = ip[9], ip[12:16], sp, ip[16:20], dp
    sent[key][0] += 1
    sent[key][1] += struct.unpack('>H', ip[2:4])[0]
    last[min(key, (ip[9], key[3], dp, key[1], sp))] = s + ns / 1e9
end = max(last.values()) - 30 # sessions that the end of the run cuts short
said, ends = collections.defaultdict(lambda: [0, 0]), {}
for row in csv.DictReader(open('day.csv')):
    number = {'TCP': 6, 'UDP': 17, 'ICMP': 1}[row['pr']]
    sp, dp = (int(row['sp']), int(row['dp'])) if number != 1 else (0, 0)
    key = number, address(row['sa']), sp, address(row['da']), dp
    back = number, key[3], dp, key[1], sp
    for k, packets, size in (key, 'ipkt', 'ibyt'), (back, 'opkt', 'obyt'):
        said[k][0] += int(row[packets])
        said[k][1] += int(row[size])
    pair = min(key, back)
    ends[pair] = max(ends.get(pair, 0), seconds(row['te']))
pairs = [p for p in ends if ends[p] < end]
assert len(pairs) > 100, len(pairs)
for pair in pairs:
    for key in pair, (pair[0], pair[3], pair[4], pair[1], pair[2]):
        assert said[key] == sent.get(key, [0, 0]), (key, said[key], sent.get(key))
    assert abs(last[pair] - ends[pair]) < 0.01, (pair, last[pair], ends[pair])
PYTHON
}

@test "chosen hosts: their records alone, and they do not change with the others" {
    synth_json -o one.csv --host 1 -n 5000 "$model"
    has 'd["hosts"]' 1
    # every flow has the host at one end
    [ "$(awk -F, 'NR > 1 && $4 != "198.18.0.2" && $5 != "198.18.0.2"' one.csv | wc -l)" -eq 0 ]
    synth_json -o two.csv --host 1,0,1 -n 3000 "$model"
    has 'd["hosts"]' 2
    synth -o all.csv --host all -n 50000 "$model"
    synth -o other.csv -n 50000 "$model"
    cmp all.csv other.csv
    # what the host begins itself is the same alone and among all
    awk -F, '$4 == "198.18.0.2"' one.csv | head -n 20 > alone
    awk -F, '$4 == "198.18.0.2"' all.csv | head -n 20 | diff - alone
    refuses 1 "--host: '12' is not a whole number from 0 to 11" dayshift synth -o x --host 12 -n 5 "$model"
    refuses 1 "--host: '' is not a whole number" dayshift synth -o x --host 1, -n 5 "$model"
    synth -o more.csv --hosts 19 --host 18 -n 50 "$model"
    grep -q 198.18.0.19 more.csv
}

@test "a mixture is one host, with the shares and blocks that were asked for" {
    synth_json -o mix.csv --mix 0:7,1:3 --block 50 -n 100000 "$model"
    [ "$(awk -F, 'NR > 1 && $4 != "198.18.0.1" && $5 != "198.18.0.1"' mix.csv | wc -l)" -eq 0 ]
    cut -d, -f1 mix.csv | tail -n +2 | sort -c
    has 'd["hosts"], d["mix"]["blocks"]' "(1, 2000)"
    has '0.65 < d["mix"]["hosts"][0]["flows"] / 1e5 < 0.75' True
    has '700 < d["mix"]["switches"] < 980' True
    synth_json -o mix.csv --mix 0:0.7,1:0.3 --block random:10 -n 100000 "$model"
    has '9600 < d["mix"]["blocks"] < 10400' True
    synth_json -o mix.csv --mix 0:1,1:0 -n 1000 "$model"
    has '[h["flows"] for h in d["mix"]["hosts"]], d["mix"]["switches"]' "([1000, 0], 0)"
    synth -o own.csv --mix 0:1,1:1 --keep-addresses -n 1000 "$model"
    [ "$(awk -F, '$4 == "198.18.0.2" || $5 == "198.18.0.2"' own.csv | wc -l)" -gt 100 ]
}

@test "a mixture of hosts of several files" {
    cp "$model" 'b:c#d.dsm'
    synth_json -o mix.csv --mix "0:1,b:c#d.dsm#1:1" -n 2000 "$model"
    has '[h["host"] for h in d["mix"]["hosts"]]' "['0', 'b:c#d.dsm#1']"
    [ "$(awk -F, 'NR > 1 && $4 != "198.18.0.1" && $5 != "198.18.0.1"' mix.csv | wc -l)" -eq 0 ]
    synth_json -o mix.csv --mix "$model#0:1,b:c#d.dsm#1:1" -n 2000
    has 'd["records"]' 2000
    refuses 1 "--network: '10.0.0.0/33' is not a network" dayshift synth -o x --network 10.0.0.0/33 -n 1 "$model"
    refuses 1 "network 10.0.0.0/30: 12 hosts wanted, it has room for 2" \
        dayshift synth -o x --network 10.0.0.0/29 --mix "0:1,b:c#d.dsm#1:1" -n 5 "$model"
    refuses 1 "missing.dsm" dayshift synth -o x --mix "missing.dsm#0:1" -n 5
    refuses 1 "would overwrite" dayshift synth -o 'b:c#d.dsm' --mix "b:c#d.dsm#1:1" -n 5
}

@test "records of a day end with its window" {
    synth -o day.csv --date "$SAMPLE_DATE" --start "$SAMPLE_START" --for 20s "$model"
    # there is a flow that goes on: it ends there, and none later
    [ "$(tail -n +2 day.csv | cut -d, -f2 | sort | tail -n 1)" = "$SAMPLE_DATE $SAMPLE_START:20.000000" ]
}

@test "a mixture has the hosts that are named where one stands for many" {
    dayshift merge --quiet --crowd 2 -o crowds.dsm "$model"
    synth -o mix.csv --mix "crowds.dsm#0:0,$model#0:1" --keep-addresses -n 500
    [ "$(awk -F, 'NR > 1 && $4 != "198.18.128.1" && $5 != "198.18.128.1"' mix.csv | wc -l)" -eq 0 ]
}

@test "mixtures that are none are named" {
    local mix

    for mix in 0 0:x 0:-1 0: 0:nan 0:inf 0:1e999; do
        refuses 1 "--mix: '" dayshift synth -o x --mix "$mix" -n 5 "$model"
    done
    refuses 1 "--mix: 'a' is not the number of a host" dayshift synth -o x --mix a:1 -n 5 "$model"
    refuses 1 "--mix: '' has no weight" dayshift synth -o x --mix 0:1, -n 5 "$model"
    refuses 1 "--mix: the sum of the weights is 0" dayshift synth -o x --mix 0:0,1:0 -n 5 "$model"
    refuses 1 "--mix: the sum of the weights is too large" dayshift synth -o x --mix 0:1e308,1:1e308 -n 5 "$model"
    refuses 1 "--mix: host 1 is there twice" dayshift synth -o x --mix 0:1,1:1,1:2 -n 5 "$model"
    refuses 1 "--mix: host 99: $model has hosts 0 to 11" dayshift synth -o x --mix 0:1,99:1 -n 5 "$model"
    refuses 1 "--mix: more than 64 hosts" \
        dayshift synth -o x --mix "$(seq -s, -f '%.0f:1' 0 64)" -n 5 "$model"
    for mix in 0 x random: random:0 -1 1000000001; do
        refuses 1 "--block: '" dayshift synth -o x --mix 0:1,1:1 --block "$mix" -n 5 "$model"
    done
}

@test "what does not go together, and what is missing" {
    local n

    refuses 2 "an output file (-o) is needed" dayshift synth -n 5 "$model"
    refuses 2 "one model is needed" dayshift synth -n 5 -o x
    refuses 2 "one model is needed" dayshift synth -n 5 -o x "$model" "$model"
    refuses 2 "one model is needed" dayshift synth -n 5 -o x --mix 0:1
    refuses 2 "either a number of records (-n) or a duration (--for)" dayshift synth -o x "$model"
    refuses 2 "either a number of records (-n) or a duration (--for)" dayshift synth -o x -n 5 --for 1h "$model"
    refuses 2 "--mix goes with -n" dayshift synth -o x --for 1h --mix 0:1 "$model"
    refuses 2 "--mix goes with -n" dayshift synth -o x -n 5 --host 1 --mix 0:1 "$model"
    refuses 2 "--host goes with -n" dayshift synth -o x --for 1h --host 1 "$model"
    refuses 2 "--block and --keep-addresses are of a mixture" dayshift synth -o x -n 5 --block 9 "$model"
    refuses 2 "--unobserved and --activity are of a day" dayshift synth -o x -n 5 --unobserved silent "$model"
    refuses 2 "--json and the records cannot both" dayshift synth -o - -n 5 --json "$model"
    for n in 0 -1 x 1000000001; do
        refuses 1 "--records: '$n' is not a whole number from 1 to 1000000000" dayshift synth -o x -n "$n" "$model"
    done
    refuses 1 "--format: 'xml' is not one of: csv, json, nfcapd" dayshift synth -o x --format xml -n 5 "$model"
    refuses 1 "--jobs: '65' is not" dayshift synth -o x -j 65 -n 5 "$model"
    refuses 1 "would overwrite" dayshift synth -n 5 -o "$model" "$model"
    refuses 1 "records are of the years 1970 to 2199" dayshift synth --for 3000d -o x --date 2199-12-30 "$model"
    refuses 1 "the flows last until after 2199" dayshift synth -n 100000000 -o x --date 2199-12-31 "$model"
    refuses 1 "no/such: cannot create" dayshift synth -n 5 -o no/such "$model"
}

@test "a signal leaves nothing behind" {
    "$DAYSHIFT" synth -q -n 1000000000 -o big.csv "$model" &
    pid=$!
    wait_for 10 compgen -G 'big.csv.*' > /dev/null
    kill -INT "$pid"
    status=0
    wait "$pid" || status=$?
    [ "$status" -eq 1 ]
    [ "$(ls -A)" = "" ]
}

@test "the summary for people" {
    run -0 --separate-stderr dayshift synth -o x.csv -n 1000 --mix 0:1,1:1 "$model"
    [[ ${lines[0]} == "wrote    1,000 records of 1 host to x.csv (csv)" ]]
    [[ ${lines[2]} == "mix      host 0: "*" % of the flows" ]]
    [[ ${lines[4]} == "         20 blocks, another host behind "* ]]
    [ -z "$stderr" ]
    run -0 dayshift synth -q -o x.csv -n 1000 "$model"
    [ -z "$output" ]
}
