#!/usr/bin/env bats
# Hosts that are alike, as a user sees them: dayshift learn --crowd, merge --crowd, embed, info --histogram.
# shellcheck disable=SC2154 # bats sets output and status

setup_file()
{
    load helpers
    make_sample
    dayshift learn --json --crowd 5 -o "$BATS_FILE_TMPDIR/crowds.dsm" --map "$BATS_FILE_TMPDIR/crowds.map" \
        "$BATS_FILE_TMPDIR/sample.pcap" > "$BATS_FILE_TMPDIR/crowds.json"
}

setup()
{
    load helpers
    enter_scratch
    sample=$BATS_FILE_TMPDIR/sample.pcap
    model=$BATS_FILE_TMPDIR/sample.dsm
    crowds=$BATS_FILE_TMPDIR/crowds.dsm
}

# is_svg FILE: well-formed, with that root
is_svg()
{
    python3 -c 'import sys, xml.dom.minidom as x
assert x.parse(sys.argv[1]).documentElement.tagName == "svg"' "$1"
}

# ---- crowds ----

@test "a crowd stands for at least K hosts, and all hosts are in one" {
    need python3 sqlite3
    dayshift info --json "$crowds" > info.json
    [ "$(json_value info.json 'min(h["members"] for h in d["hosts"]) >= 5')" = True ]
    [ "$(json_value info.json 'sum(h["members"] for h in d["hosts"])')" = 12 ]
    [ "$(json_value info.json 'd["has_tags"]')" = False ]
    [ "$(sqlite3 "$crowds" 'SELECT count(*) FROM label')" = 0 ]
    [ "$(wc -l < "$BATS_FILE_TMPDIR/crowds.map")" = 12 ]
    [ "$(cut -f 1 "$BATS_FILE_TMPDIR/crowds.map" | sort -u | wc -l)" = \
        "$(json_value info.json 'len(d["hosts"])')" ]
}

@test "what crowds cost is told" {
    need python3
    local json=$BATS_FILE_TMPDIR/crowds.json

    [ "$(json_value "$json" 'd["crowds"]["least"]')" = 5 ]
    [ "$(json_value "$json" '0 < d["crowds"]["kept_flow_share"] <= 1')" = True ]
    [ "$(json_value "$json" 'd["crowds"]["kept_states"] <= d["crowds"]["states"]')" = True ]
    [ "$(json_value "$json" 'all(0 <= c["mean_divergence"] <= c["largest_divergence"] <= 1
        for c in d["crowds"]["crowds"])')" = True ]
    run -0 dayshift learn --crowd 5 -o again.dsm "$sample"
    [[ $output == *"crowds   "*"of at least 5 hosts"* ]]
    cmp again.dsm "$crowds"
}

@test "crowds are made of a model as well as of its capture" {
    dayshift merge -q --crowd 5 -o merged.dsm "$model"
    cmp merged.dsm "$crowds"
}

@test "a model of crowds is merged, shown and played" {
    need python3
    dayshift merge -q -o merged.dsm "$crowds" "$model"
    dayshift info --json merged.dsm > info.json
    [ "$(json_value info.json 'sum(h["members"] for h in d["hosts"])')" = 24 ]
    dayshift merge -q -o same.dsm "$crowds"
    cmp same.dsm "$crowds"
    run -0 dayshift info --host 0 "$crowds"
    [[ $output == *"a crowd of "*" hosts"* ]]
    run -0 dayshift day -o day.pcap --start "$SAMPLE_START" --for 10m "$crowds"
    [[ $output == *" of 12 virtual hosts"* ]]
}

@test "crowds that cannot be" {
    head -c 32 /dev/zero > key
    refuses 1 "--crowd: 12 hosts make no crowd of 13" dayshift learn -q --crowd 13 -o x.dsm "$sample"
    refuses 1 "--crowd: '1' is not" dayshift learn --crowd 1 -o x.dsm "$sample"
    refuses 1 "--crowd: 'many' is not" dayshift merge --crowd many -o x.dsm "$model"
    refuses 2 "--crowd and --key do not go together" dayshift learn --crowd 5 --key key -o x.dsm "$sample"
    refuses 1 "is a crowd of" dayshift merge --crowd 2 -o x.dsm "$crowds"
}

# ---- embed ----

@test "coordinates as text, table, JSON and picture" {
    need python3
    run -0 dayshift embed "$model"
    [ "${#lines[@]}" = 13 ]
    [[ ${lines[0]} == "12 hosts; the axes explain "*" of variance" ]]
    run -0 dayshift embed --dimensions 3 --csv points.csv --svg points.svg "$model"
    [ -z "$output" ]
    [ "$(head -n 1 points.csv)" = model,host,flows,x1,x2,x3 ]
    [ "$(wc -l < points.csv)" = 13 ]
    is_svg points.svg
    dayshift embed --dimensions 3 --json "$model" > points.json
    [ "$(json_value points.json '["%.6f" % x for x in d["hosts"][0]["at"]]')" = \
        "$(python3 -c 'import csv; print(list(csv.reader(open("points.csv")))[1][3:])')" ]
    dayshift embed --dimensions 3 --csv - "$model" | cmp - points.csv
}

@test "a model twice: its hosts are at the same places" {
    cp "$model" 'other, "<same>.dsm'
    dayshift embed --csv points.csv --svg points.svg "$model" 'other, "<same>.dsm'
    python3 -c 'import csv
rows = list(csv.reader(open("points.csv")))[1:]
assert len(rows) == 24 and [r[1:] for r in rows[:12]] == [r[1:] for r in rows[12:]]
assert rows[12][0] == "other, \"<same>.dsm"'
    is_svg points.svg
}

@test "the axes of the first model do not move" {
    dayshift embed --csv alone.csv "$model"
    dayshift embed --reference --csv both.csv "$model" "$crowds"
    head -n 13 both.csv | cmp - alone.csv
}

@test "embed refuses what cannot be" {
    refuses 2 "at least one model" dayshift embed
    refuses 2 "only one of --csv, --svg and --json" dayshift embed --json --csv - "$model"
    refuses 1 "--dimensions: '17' is not" dayshift embed --dimensions 17 "$model"
    refuses 1 "none.dsm: cannot open" dayshift embed none.dsm
    cp "$model" own.dsm
    refuses 1 "own.dsm" dayshift embed --csv own.dsm own.dsm
    cmp own.dsm "$model"
}

# ---- info --histogram ----

@test "the ports of a host, and of all hosts, in a picture" {
    need python3
    run -0 dayshift info --histogram all.svg "$model"
    [ -z "$output" ]
    dayshift info --histogram one.svg --host 1 "$model"
    is_svg all.svg
    is_svg one.svg
    [ "$(grep -c '>host [0-9]*, ' all.svg)" = 12 ]
    [ "$(grep -c '>host 1, ' one.svg)" = 1 ]
    dayshift info --json --histogram one.svg --host 1 "$model" > one.json
    # every flow is received on one port and sent to one
    [ "$(json_value one.json 'len(d["histograms"])')" = 1 ]
    [ "$(json_value one.json 'all(abs(sum(p["flows"] for p in h["sent_to"])
        - sum(p["flows"] for p in h["received_on"])) < 0.01 for h in d["histograms"])')" = True ]
    dayshift info --histogram - --host 1 "$model" | cmp - one.svg
}

@test "a histogram that cannot be" {
    cp "$model" own.dsm
    refuses 1 "own.dsm" dayshift info --histogram own.dsm own.dsm
    refuses 1 "--host" dayshift info --histogram x.svg --host 12 "$model"
    refuses 2 "--json and the picture" dayshift info --json --histogram - "$model"
}
