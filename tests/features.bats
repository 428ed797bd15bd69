#!/usr/bin/env bats
# dayshift features as a user runs it.
# shellcheck disable=SC2030,SC2031,SC2154 # each test is a subshell; bats sets stderr_lines

setup_file()
{
    load helpers
    "$HELPERS/make_capture" "$BATS_FILE_TMPDIR/sample.pcap"
    dayshift features --quiet --labels file -o "$BATS_FILE_TMPDIR/all.csv" "$BATS_FILE_TMPDIR/sample.pcap"
}

setup()
{
    load helpers
    enter_scratch
    capture=$BATS_FILE_TMPDIR/sample.pcap
    all=$BATS_FILE_TMPDIR/all.csv
}

features()
{
    dayshift features --quiet "$@"
}

# column NAME FILE: its values, one a line
column()
{
    python3 -c '
import csv, sys
for row in csv.DictReader(open(sys.argv[2])):
    print(row[sys.argv[1]])' "$@"
}

@test "it explains itself, no wider than 100 columns" {
    run -0 --separate-stderr dayshift features --help
    [[ $output == "Usage: dayshift features "* ]]
    [ -z "$stderr" ]
    [ "$(wc -L <<< "$output")" -le 100 ]
    run -0 dayshift --help
    [[ $output == *"  features  "* ]]
}

@test "a line is a flow, and its numbers add up" {
    [ "$(head -n 1 "$all" | tr , '\n' | wc -l)" -eq 32 ]
    run -0 dayshift features -o x.csv "$capture"
    [[ $output == "x.csv: "*" flows, 0 with a label; "*" packets read, "*" a second" ]]
    echo "$output" > summary
    run -0 python3 - "$all" summary << 'END'
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1])))
assert len(rows) > 1000, len(rows)
packets = sum(int(row["initiator_packets"]) + int(row["responder_packets"]) for row in rows)
assert f": {len(rows):,} flows," in open(sys.argv[2]).read()
assert f"; {packets:,} packets read," in open(sys.argv[2]).read()
starts = [int(row["start_ns"]) for row in rows]
assert starts == sorted(starts)
for row in rows:
    assert len(row) == 32 and None not in row
    assert row["file"] == "sample.pcap" and row["label"] == "sample"
    for side in "initiator", "responder":
        packets, payload = int(row[side + "_packets"]), int(row[side + "_payload"])
        assert abs(packets * float(row[side + "_length_mean"]) - payload) < 1e-6 * payload + 1e-6
        least, mean, most = (float(row[side + "_gap_" + name]) for name in ("min", "mean", "max"))
        assert least <= mean * (1 + 1e-9) and mean <= most * (1 + 1e-9)
        assert packets > 1 or most == 0
        assert most <= float(row["duration"]) + 1e-9
    assert len(row["data_sequence"]) == 16
assert {row["protocol"] for row in rows} == {"tcp", "udp", "icmp"}
END
}

@test "standard output has the same bytes, and two captures are read one after the other" {
    cp "$capture" again.pcap
    features --labels file "$capture" > out.csv
    cmp out.csv "$all"
    features --labels file -o two.csv "$capture" again.pcap
    [ "$(wc -l < two.csv)" -eq $((2 * $(wc -l < "$all") - 1)) ]
    tail -n +2 "$all" | sed 's/^sample.pcap,/again.pcap,/; s/,sample,/,again,/' | cmp - <(tail -n "+$(($(wc -l < "$all") + 1))" two.csv)
}

@test "names of captures become labels without what follows .pcap" {
    local name

    for name in a.b.pcapng.gz plain 'x,"y.pcap'; do
        cp "$capture" "$name"
    done
    features --labels file a.b.pcapng.gz plain 'x,"y.pcap' -o x.csv
    [ "$(column label x.csv | sort -u | paste -sd ' ')" = "a.b plain x__y" ]
    [ "$(column file x.csv | sort -u | paste -sd ' ')" = "a.b.pcapng.gz plain x__y.pcap" ]
}

@test "a table labels flows by their ends, and features are such a table" {
    printf 'file\tl4\tclient_ip\tclient_port\tserver_ip\tserver_port\tndpi_label\n' > labels.tsv
    awk -F, -v OFS='\t' 'NR > 1 && $2 == "udp" { print "dir/" $1, "UDP", $5, $6, $3, $4, "service" $6 }' "$all" >> labels.tsv
    features --labels labels.tsv -o x.csv "$capture"
    [ "$(awk -F, '$2 == "udp" && $8 == "service" $6' x.csv | wc -l)" -eq "$(awk -F, '$2 == "udp"' "$all" | wc -l)" ]
    [ "$(awk -F, '$2 != "udp" && NR > 1 && $8 != ""' x.csv | wc -l)" -eq 0 ]
    features --labels x.csv -o y.csv "$capture"
    cmp x.csv y.csv
    mv "$capture" elsewhere.pcap
    features --labels labels.tsv -o z.csv elsewhere.pcap
    mv elsewhere.pcap "$capture"
    [ "$(column label z.csv | sort -u)" = "" ] # no line is of this capture
}

@test "folds are a partition, the same for any order of captures, and have their complements" {
    local fold

    for fold in 0 1 2; do
        features --labels file --fold $fold/3 -o $fold.csv "$capture"
        features --labels file --except-fold $fold/3 -o not$fold.csv "$capture"
        [ "$(wc -l < $fold.csv)" -gt "$(($(wc -l < "$all") / 4))" ]
        cat $fold.csv <(tail -n +2 not$fold.csv) | sort | cmp - <(sort "$all")
    done
    cat 0.csv <(tail -n +2 1.csv) <(tail -n +2 2.csv) | sort | cmp - <(sort "$all")
}

@test "protocols are chosen, addresses left out" {
    features --labels file --protocol tcp -o tcp.csv "$capture"
    [ "$(column protocol tcp.csv | sort -u)" = tcp ]
    features --labels file --protocol udp -o udp.csv "$capture"
    [ $(($(wc -l < tcp.csv) + $(wc -l < udp.csv) + $(grep -c ,icmp, "$all"))) -eq $(($(wc -l < "$all") + 1)) ]
    features --labels file --anonymous -o anonymous.csv "$capture"
    cut -d, -f 1,2,4,6- "$all" | cmp - anonymous.csv
    run -1 grep -E ',(10\.183\.|203\.0\.113\.)' anonymous.csv
}

@test "what was damaged is said, and what was read of it counts" {
    head -c 100000 "$capture" > cut.pcap
    run -3 --separate-stderr features -o x.csv cut.pcap
    [[ $stderr == *"cut.pcap: "*"what was read of it counts"* ]]
    [ "$(wc -l < x.csv)" -gt 10 ]
}

@test "what is wrong is said in one line, and nothing is written" {
    printf '%s\n' ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt \
        '2026-03-02 10:00:00,2026-03-02 10:00:01,1,10.0.0.1,10.0.0.2,1,2,TCP,......S.,0,0,1,40,0,0' > log.csv
    printf 'l4\tclient_ip\n' > empty.tsv
    cp "$capture" here.pcap
    refuses 2 "at least one capture" dayshift features
    refuses 2 "nonsense" dayshift features --nonsense "$capture"
    refuses 1 "gone.pcap: cannot open" features -o x.csv gone.pcap
    refuses 1 "is a flow log; captures are needed" features -o x.csv log.csv
    refuses 1 "--fold: '3/3' is not K/N" features -o x.csv --fold 3/3 "$capture"
    refuses 1 "--fold: '0/1' is not K/N" features -o x.csv --fold 0/1 "$capture"
    refuses 1 "--except-fold: '2' is not K/N" features -o x.csv --except-fold 2 "$capture"
    refuses 1 "one choice of a fold" features -o x.csv --fold 0/3 --except-fold 1/3 "$capture"
    refuses 1 "--protocol: 'icmp' is not one of: tcp, udp" features -o x.csv --protocol icmp "$capture"
    refuses 1 "empty.tsv: the first line names no column" features -o x.csv --labels empty.tsv "$capture"
    refuses 1 "here.pcap" features -o here.pcap here.pcap
    refuses 1 "empty.tsv" features -o empty.tsv --labels empty.tsv here.pcap
    refuses 1 "gone/x.csv" features -o gone/x.csv "$capture"
}
