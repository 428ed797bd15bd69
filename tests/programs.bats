#!/usr/bin/env bats
# dayshift and dayshiftd as a user runs them, without privilege. What learn makes of its input is in
# learn.bats.
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
    window=(--date "$SAMPLE_DATE" --start "$SAMPLE_START" --for 2m)
    players="populations = ( { model = \"$model\"; } );"
    when=("start = \"$SAMPLE_DATE $SAMPLE_START\";" 'duration = "2m";')
}

# ---- command lines ----

@test "both programs explain themselves" {
    local verb

    run -0 --separate-stderr dayshift --help
    [[ $output == "Usage: dayshift VERB"* ]]
    [ -z "$stderr" ]
    for verb in learn merge info embed synth day fill check compare blindtest identify score ctl; do
        run -0 --separate-stderr dayshift "$verb" --help
        [[ $output == "Usage: dayshift $verb "* ]]
        [ -z "$stderr" ]
        run -0 dayshift "$verb" -h
    done
    run -0 dayshiftd --help
    [[ $output == "Usage: dayshiftd "* ]]
    run -0 dayshift --version
    [[ $output == "dayshift "* ]]
    run -0 dayshiftd --version
    [[ $output == "dayshiftd (dayshift "* ]]
}

@test "help is no wider than a terminal of 100 columns" {
    local verb

    for verb in "" learn merge info embed synth day fill check compare blindtest identify score ctl; do
        # shellcheck disable=SC2086 # no verb at all is wanted too
        run -0 dayshift $verb --help
        [ "$(wc -L <<< "$output")" -le 100 ]
    done
    run -0 dayshiftd --help
    [ "$(wc -L <<< "$output")" -le 100 ]
}

@test "no verb: the usage, as an error" {
    run -2 --separate-stderr dayshift
    [[ $stderr == "Usage: dayshift VERB"* ]]
    [ -z "$output" ]
}

@test "unknown verbs and options are named" {
    local verb

    refuses 2 "unknown verb 'lern'; see dayshift --help" dayshift lern
    for verb in learn merge info embed synth day fill check compare identify score ctl; do
        refuses 2 "dayshift $verb: unrecognized option '--no-such'" dayshift "$verb" --no-such
    done
    refuses 2 "dayshiftd: unrecognized option '--no-such'" dayshiftd --no-such
    refuses 2 "dayshift learn: option requires an argument -- 'o'" dayshift learn -o
    refuses 2 "dayshiftd: option requires an argument -- 'c'" dayshiftd -c
}

@test "missing and superfluous arguments" {
    local option

    for option in "" "$sample" "-o new.dsm" "-o new.dsm --hosts list" "-i lo"; do
        # shellcheck disable=SC2086 # words
        refuses 2 "dayshift learn: an output file (-o) and at least one input are needed" \
            dayshift learn $option
    done
    refuses 2 "an interface (-i) and files do not go together" dayshift learn -i lo -o x "$sample"
    refuses 2 "--for goes with an interface (-i)" dayshift learn --for 1s -o x "$sample"
    refuses 2 "--json and the model cannot both go to standard output" \
        dayshift learn --json -o - "$sample"
    refuses 2 "one model" dayshift info
    refuses 2 "one model" dayshift info "$model" "$model"
    refuses 2 "one model" dayshift day -o new.pcap
    refuses 2 "an output file (-o)" dayshift day "$model"
    refuses 2 "at least one capture" dayshift check
    refuses 2 "two models" dayshift compare "$model"
    refuses 2 "two models" dayshift compare "$model" "$model" "$model"
    refuses 2 "a configuration (-c)" dayshiftd
    refuses 2 "and nothing else" dayshiftd -c a.conf b.conf
}

@test "option values out of range are named" {
    local option

    refuses 1 "--local: '10.0.0.1/8' is not a network" dayshift learn -o x --local 10.0.0.1/8 "$sample"
    refuses 1 "--local: 'Comp*/8' is not a network" dayshift learn -o x --local 'Comp*/8' "$sample"
    refuses 1 "name: cannot open" dayshift learn -o x --labels name "$sample"
    refuses 1 "format \"netflow\" is unknown; there are nfcapd, zeek," \
        dayshift learn -o x --format netflow "$sample"
    refuses 1 "columns: \"ts\" is not of the form NAME=COLUMN" dayshift learn -o x --columns ts "$sample"
    for option in max-memory=63M max-memory=x max-memory= jobs=0 jobs=65 jobs=x dedup=x dedup=0 \
                  dedup=-1s for=0 for=x; do
        refuses 1 "--${option%%=*}: '${option#*=}' is not " dayshift learn -o x "--$option" "$sample"
    done
    refuses 1 "--states: '65' is not a whole number from 0 to 64" \
        dayshift compare --states 65 "$model" "$model"
    refuses 1 "--host: '12' is not a whole number from 0 to 11" dayshift info --host 12 "$model"
    refuses 1 "--host: '-1' is not" dayshift info --host -1 "$model"
    for option in hosts=0 hosts=1000001 hosts=x hosts= network=x network=10.0.0.1/8 outside=1.2.3.4/33 \
                  date=2026-02-30 date=yesterday date=1969-12-31 start=24:00 start=9h for=0 for=-1s \
                  for=1e30 for=1w speed=0 speed=-1 speed=nan speed=1e7 seed=-1 seed=x \
                  seed=18446744073709551616 unobserved=x activity=0 activity=x jobs=0 jobs=65 \
                  lead-in=31d lead-in=-1s lead-in=x; do
        refuses 1 "--${option%%=*}: '${option#*=}' is not " dayshift day -o x "--$option" "$model"
    done
}

# ---- input that is none ----

@test "input that is missing, empty or foreign is named" {
    local verb neither="neither a capture nor a flow log that is known: --columns names the columns"

    : > empty
    mkdir folder
    echo "Sehr geehrte Damen und Herren" > text
    head -c 100000 /dev/urandom > noise
    gzip -c text > text.gz
    for verb in "learn -q -o new.dsm" check; do
        # shellcheck disable=SC2086 # words
        {
            refuses 1 "missing: cannot open: No such file" dayshift $verb missing
            refuses 1 "folder: no capture and no flow log in it" dayshift $verb folder
            refuses 1 "empty: is empty" dayshift $verb empty
            refuses 1 "text: $neither" dayshift $verb text
            refuses 1 "noise: $neither" dayshift $verb noise
            refuses 1 "text.gz: $neither" dayshift $verb text.gz
            refuses 1 "sample.dsm: $neither" dayshift $verb "$model"
            refuses 1 "standard input: is empty" dayshift $verb - < /dev/null
            refuses 1 "missing: cannot open" dayshift $verb "$sample" missing
        }
    done
}

# ---- models that are none ----

# Everything that reads a model.
refuses_model()
{
    local file=$1 text=$2

    refuses 1 "$text" dayshift info "$file"
    refuses 1 "$text" dayshift day -q -o new.pcap "${window[@]}" "$file"
    refuses 1 "$text" dayshift compare "$model" "$file"
    refuses 1 "$text" dayshift compare "$file" "$model"
    configure model.conf "populations = ( { model = \"$file\"; } );" "${when[@]}"
    refuses 1 "$text" dayshiftd -n -c model.conf
    refuses 1 "$text" dayshiftd -w new.pcap -c model.conf
    rm model.conf
}

@test "a file that is no model is refused by everything that reads one" {
    : > empty
    echo "no model" > text
    refuses_model missing "missing: cannot open: No such file"
    refuses_model "$PWD" "not a model file"
    refuses_model empty "empty: not a model file: it is empty"
    refuses_model text "text: not a usable model file"
    cp "$sample" capture
    refuses 1 "capture: not a usable model file" dayshift info capture
    refuses 1 "capture: not a usable model file" dayshift compare "$model" capture # the other way it is compared
    configure model.conf 'populations = ( { model = "capture"; } );' "${when[@]}"
    refuses 1 "capture: not a usable model file" dayshiftd -n -c model.conf
}

@test "a model that was cut is refused" {
    local size whole

    whole=$(stat -c %s "$model")
    for size in 1 15 16 99 100 101 511 512 4095 4096 5000 $((whole / 2)) $((whole - 4096)); do
        head -c "$size" "$model" > cut.dsm
        refuses 1 "cut.dsm: " dayshift info cut.dsm
    done
}

@test "another database is refused" {
    need sqlite3
    sqlite3 other.db 'CREATE TABLE host(id); INSERT INTO host VALUES(0);'
    refuses_model other.db "other.db: not a model file: application id 0"
    cp "$model" later.dsm
    sqlite3 later.dsm 'PRAGMA user_version = 99;'
    refuses_model later.dsm "later.dsm: model format 99"
    cp "$model" hostless.dsm
    sqlite3 hostless.dsm 'DELETE FROM host;'
    refuses 1 "hostless.dsm: " dayshift info hostless.dsm
    cp "$model" bent.dsm
    sqlite3 bent.dsm 'UPDATE state SET flows = -3 WHERE id = 5;'
    refuses_model bent.dsm "column flows: -3 is not in 1.."
}

@test "a model with a changed byte is read or refused, never worse" {
    local place whole

    whole=$(stat -c %s "$model")
    for ((place = 7; place < whole; place += 2203)); do
        cp "$model" changed.dsm
        printf '\xa5' | dd of=changed.dsm bs=1 seek="$place" conv=notrunc status=none
        run --separate-stderr timeout 20 "$DAYSHIFT" info --json changed.dsm
        case $status in
            0) [[ $output == "{"*"}" ]] ;;
            1) [ "${#stderr_lines[@]}" -eq 1 ] && [[ $stderr == *changed.dsm:* ]] ;;
            *) complain "byte $place: status $status: $stderr" ;;
        esac
    done
}

# ---- places where nothing can be written ----

@test "output that cannot be written is named and nothing is left" {
    mkdir folder
    refuses 1 "missing/new: cannot create: No such file" dayshift learn -q -o missing/new "$sample"
    refuses 1 "missing/new: cannot create: No such file" \
        dayshift day -q -o missing/new "${window[@]}" "$model"
    refuses 1 "folder: cannot write" dayshift learn -q -o folder "$sample"
    refuses 1 "folder: cannot write" dayshift day -q -o folder "${window[@]}" "$model"
    refuses 1 "missing/map: cannot create" \
        dayshift learn -q -o new.dsm --map missing/map "$sample"
    configure a.conf "$players" "${when[@]}"
    refuses 1 "missing/new: cannot create: No such file" dayshiftd -w missing/new -c a.conf
}

@test "a directory without the right to write" {
    [ "$(id -u)" != 0 ] || skip "root may write everywhere"
    mkdir -m 555 folder
    refuses 1 "folder/new: cannot create: Permission denied" \
        dayshift learn -q -o folder/new "$sample"
}

@test "a full standard output is an error" {
    local command

    [ -c /dev/full ] || skip "no /dev/full"
    configure a.conf "$players" "${when[@]}"
    for command in "$DAYSHIFT info $model" "$DAYSHIFT info --json $model" "$DAYSHIFT check $sample" \
                   "$DAYSHIFT compare $model $model" "$DAYSHIFT --help" \
                   "$DAYSHIFT learn -q -o - $sample" "$DAYSHIFT day -o - --for 1m $model" \
                   "$DAYSHIFTD -n -c a.conf" "$DAYSHIFTD -w - -q -c a.conf" "$DAYSHIFTD --help"; do
        run --separate-stderr sh -c "$command > /dev/full"
        [ "$status" -eq 1 ] || complain "$command: $status"
        [[ $stderr == *"standard output: cannot write: No space left"* ]] || complain "$command: $stderr"
    done
}

# ---- info, check, compare ----

@test "nothing is read and overwritten at once" {
    cp "$BATS_FILE_TMPDIR/sample.pcap" mine.pcap
    cp "$model" mine.dsm
    ln -s mine.pcap alias.pcap
    refuses 1 "mine.pcap: would overwrite mine.pcap" dayshift learn -o mine.pcap mine.pcap
    refuses 1 "alias.pcap: would overwrite mine.pcap" dayshift learn -o alias.pcap mine.pcap
    refuses 1 "mine.dsm: would overwrite mine.dsm" dayshift day -o mine.dsm mine.dsm
    refuses 1 "new: would overwrite new" dayshift learn -o new --map new mine.pcap
    configure a.conf 'duration = "5s"; populations = ( { model = "mine.dsm"; } );'
    refuses 1 "a.conf: would overwrite a.conf" dayshiftd -c a.conf -w a.conf
    cmp mine.pcap "$BATS_FILE_TMPDIR/sample.pcap"
    cmp mine.dsm "$model"
}

@test "info: text and JSON tell the same" {
    dayshift info "$model" > text
    dayshift info --json "$model" > json
    run -0 json_value json '"{flows:,} flows, {packets:,} packets".format(**d)'
    grep -qF "$output" text
    run -0 json_value json '"{covered_slices} of 288 slices".format(**d)'
    grep -qF "$output" text
    json_value json '"\n".join("%d %d %d %d %d %s" % (h["host"], h["flows"], h["state_count"],
        h["active_slices"], h["bytes"], ", ".join("%s %.2f" % (s["state"], s["share"]) for s in h["states"]))
        for h in d["hosts"])' > hosts
    [ "$(wc -l < hosts)" -eq 12 ]
    diff hosts <(rows_of 'most used states$')
    json_value json '"\n".join(" ".join([s["service"], str(s["flows"]), str(s["sampled"])] +
        [", ".join("%s %d" % (a["class"], a["flows"]) for a in s["classes"])]).strip()
        for s in sorted(d["services"], key=lambda s: -s["flows"]))' > services
    [ "$(wc -l < services)" -eq 5 ]
    diff services <(rows_of 'classes$')
}

# The rows of the table of file `text` whose heading ends so, with one blank between columns.
rows_of()
{
    sed -n "/$1/,/^\$/p" text | sed '1d; $d' | tr -s ' ' | sed 's/^ //; s/ $//'
}

@test "info --host: text and JSON tell the same" {
    local host

    for host in 0 1 11; do
        dayshift info --host "$host" "$model" > text
        dayshift info --host "$host" --json "$model" > json
        [[ $(head -n 1 text) == "host $host: $(json_value json 'd["flows"]') flows, "* ]]
        [ "$(sed -n 2p text)" = "it behaves like the others of crowd $(json_value json 'd["crowd"]')" ]
        json_value json '"\n".join("%s %.3f %d %.3g" % (s["state"], s["share"], s["flows"],
            s["median_gap_s"]) for s in d["states"])' > states
        [ -s states ]
        diff states <(sed -n 's/^  \(\(initiates\|answers\).*\)/\1/p' text | tr -s ' ')
        [ "$(json_value json 'round(sum(s["share"] for s in d["states"]), 4)')" = 1.0 ]
        [ "$(json_value json 'sum(s["flows"] for s in d["states"]) == d["flows"]')" = True ]
        [ "$(json_value json 'd["active_slices"]')" = "$(grep -c '^    [0-9:][0-9:]*  [0-9.]* of ' text)" ]
    done
}

@test "a host that was never seen is a host without flows" {
    printf '%s\n' 10.183.213.83 192.0.2.1 > list
    dayshift learn -q -o new.dsm --hosts list "$sample"
    dayshift info new.dsm
    dayshift info --host 1 new.dsm
    dayshift info --host 1 --json new.dsm > json
    [ "$(json_value json 'd["flows"]')" = 0 ]
    dayshift compare --json new.dsm "$model" > json
    [ "$(json_value json 'd["silent"], "divergence" in d["hosts"][1]')" = "(1, False)" ]
    dayshift compare --json "$model" new.dsm > json
    [ "$(json_value json 'd["silent"], "divergence" in d["hosts"][1]')" = "(1, False)" ]
    dayshift day -q -o new.pcap "${window[@]}" new.dsm
}

@test "compare: a model is like itself" {
    dayshift compare --json "$model" "$model" > json
    [ "$(json_value json 'd["hosts_in"]')" = "[12, 12]" ]
    [ "$(json_value json '[d["mean_divergence"], d["largest_divergence"]]')" = "[0.0, 0.0]" ]
    [ "$(json_value json 'd["mean_volume_distance"]')" = 0.0 ]
    run -0 dayshift compare --states 0 "$model" "$model"
    [ "${#lines[@]}" -eq 22 ]
    [[ ${lines[12]} == "12 hosts with flows in both, mean over flows: divergence 0.0000 (largest 0.0000)   volume 0.000" ]]
}

@test "compare: networks as wholes" {
    dayshift compare --json "$model" "$model" > json
    [ "$(json_value json 'd["networks"]["divergence"], d["networks"]["out_degree"]["distance"]')" = "(0.0, 0.0)" ]
    [ "$(json_value json 'd["networks"]["in_degree"]["log_distance"]')" = 0.0 ]
    [ "$(json_value json 'd["networks"]["flows_per_s"][0] == d["networks"]["flows_per_s"][1] > 0')" = True ]
    [ "$(json_value json '0 < d["networks"]["out_degree"]["repeats"][0] < 1')" = True ]
}

@test "compare: networks that were never observed at the same time of day" {
    dayshift day -q -o night.pcap --date "$SAMPLE_DATE" --start 03:00 --for 10m "$model"
    dayshift learn -q -o night.dsm night.pcap
    dayshift compare --states 0 "$model" night.dsm > text
    grep -q "^  day profile: no part of the day was observed in both$" text
    run ! grep -w nan text
}

@test "two halves of a network have its hosts and its flows" {
    refuses 1 "--half: 'first' is not one of: even, odd" dayshift learn -o x --half first "$sample"
    dayshift learn -q -o even.dsm --half even "$sample"
    dayshift learn -q -o odd.dsm --half odd "$sample"
    for half in even odd; do
        dayshift info --json "$half.dsm" > "$half.json"
    done
    dayshift info --json "$model" > json
    [ "$(json_value even.json 'd["flows"]')" -gt 0 ]
    [ "$(json_value json 'd["flows"]')" -eq \
        $(($(json_value even.json 'd["flows"]') + $(json_value odd.json 'd["flows"]'))) ]
    dayshift compare --json even.dsm odd.dsm > json
    [ "$(json_value json 'd["hosts_in"], d["networks"]["profile"]["minutes"]')" = "([12, 12], 10)" ]
}

@test "compare: a model is not like another" {
    dayshift learn -q -o new.dsm --local 203.0.113.0/24 "$sample"
    dayshift compare --json "$model" new.dsm > json
    [ "$(json_value json 'd["hosts_in"]')" = "[12, 5]" ]
    [ "$(json_value json '0.5 < d["mean_divergence"] <= 1')" = True ]
}

@test "check: the flows of the capture and of a day are whole" {
    dayshift check --json "$sample" > json
    [ "$(json_value json 'd["tcp_flows"] > 500 and {v for k, v in d.items() if " " in k} == {1.0}')" = True ]
    dayshift day -q -o new.pcap "${window[@]}" "$model"
    dayshift check --json new.pcap > json
    [ "$(json_value json 'd["tcp_flows"] > 20')" = True ]
    [ "$(json_value json 'min(v for k, v in d.items() if " " in k) > 0.97')" = True ]
}

@test "check: a flow log is refused, a cut capture is judged as far as it goes" {
    printf '%s\n' 'ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt' \
        '2018-01-12 15:37:30,2018-01-12 15:37:31,1.000,10.0.2.1,192.0.2.2,5,22,TCP,...AP.SF,0,0,5,560,0,0' > log.csv
    refuses 1 "log.csv: is a flow log; captures are needed" dayshift check log.csv
    head -c 100000 "$sample" > cut.pcap
    run -3 --separate-stderr dayshift check --json cut.pcap
    [ "$stderr" = "dayshift: cut.pcap: frame 192: truncated: 729 of 1514 bytes of its data are there; what was read of it counts" ]
    echo "$output" > json
    [ "$(json_value json 'd["tcp_flows"]')" = 7 ]
}

@test "check: a capture without TCP" {
    head -c 130 "$sample" > one.pcap
    dayshift check --json one.pcap > json
    [ "$(json_value json 'd["tcp_flows"]')" = 0 ]
}

@test "the bundled sample teaches a model" {
    [ -n "$BUNDLED_CAPTURE" ] || skip "no bundled sample"
    dayshift learn -o new.dsm "$BUNDLED_CAPTURE"
    dayshift info new.dsm
    dayshift compare --json new.dsm new.dsm > json
    [ "$(json_value json 'd["largest_divergence"]')" = 0.0 ]
    dayshift day --for 5m -o new.pcap new.dsm
}

# ---- day ----

@test "day: the same seed gives the same bytes, another other ones" {
    dayshift day -o a.pcap "${window[@]}" "$model" > a.text
    dayshift day -o b.pcap "${window[@]}" "$model" > b.text
    cmp a.pcap b.pcap
    diff <(sed 's/ to a.pcap//' a.text) <(sed 's/ to b.pcap//' b.text)
    dayshift day -q -o b.pcap "${window[@]}" --seed 1 "$model"
    cmp a.pcap b.pcap
    dayshift day -q -o b.pcap "${window[@]}" --seed 2 "$model"
    run -1 cmp -s a.pcap b.pcap
    dayshift day -o - "${window[@]}" "$model" > b.pcap
    cmp a.pcap b.pcap
    dayshift day -q -o b.pcap --start "$SAMPLE_START" --for 120 "$model" # the day that was learned
    cmp a.pcap b.pcap
}

@test "day: frames lie in the window, and the counts are right" {
    need capinfos
    dayshift day -o a.pcap --date 2030-06-01 --start 10:05:30 --for 90s "$model" > text
    capinfos -TSrBcae a.pcap > infos
    read -r _ frames first last < <(cut -f 1-4 infos | tr '\t' ' ')
    grep -q "^wrote    $(printf "%'d" "$frames" | tr -d ,) frames" <(tr -d , < text)
    [ "$(date -ud 2030-06-01T10:05:30Z +%s)" -le "${first%.*}" ]
    [ "${last%.*}" -le "$(date -ud 2030-06-01T10:07:00Z +%s)" ]
}

@test "day: a time of day that was not observed is spread or silent" {
    dayshift day -o a.pcap --start 03:00 --for 2m --unobserved silent "$model" > text
    grep -q "^wrote    0 frames" text
    [ "$(stat -c %s a.pcap)" -eq 24 ]
    dayshift day -o a.pcap --start 03:00 --for 2m --unobserved spread "$model" > text
    [ "$(stat -c %s a.pcap)" -gt 10000 ]
}

@test "day: the same bytes from any number of threads" {
    dayshift day -q -o a.pcap "${window[@]}" -n 100 "$model"
    for jobs in 2 3 8; do
        dayshift day -q -o b.pcap "${window[@]}" -n 100 -j "$jobs" "$model"
        cmp a.pcap b.pcap
    done
}

@test "day: hosts that are picked, and more activity" {
    dayshift day -o a.pcap "${window[@]}" --pick 0,1*3 "$model" > text
    grep -q "flows of 4 virtual hosts$" text
    dayshift day -q -o b.pcap "${window[@]}" --pick 0,1*3 --activity 4 "$model"
    [ "$(stat -c %s b.pcap)" -gt $((2 * $(stat -c %s a.pcap))) ]
    refuses 1 'pick "12": there is no host 12' dayshift day -o x "${window[@]}" --pick 12 "$model"
    refuses 1 "pick \"\": '' is neither" dayshift day -o x "${window[@]}" --pick "" "$model"
}

@test "a time zone: learned in it and played in it, a day is what it was in UTC" {
    [ -e /usr/share/zoneinfo/Europe/Madrid ] || skip "no time zone database"
    dayshift learn -q -o madrid.dsm --timezone Europe/Madrid "$sample"
    dayshift info madrid.dsm > text
    grep -q "^  when          $SAMPLE_DATE" text
    dayshift day -q -o a.pcap --date "$SAMPLE_DATE" --start "$SAMPLE_START" --for 120 "$model"
    dayshift day -q -o b.pcap --date "$SAMPLE_DATE" --start 11:00 --for 120 --timezone Europe/Madrid madrid.dsm
    [ "$(stat -c %s b.pcap)" -gt 10000 ]
    # 10:00 UTC is 11:00 there: the first packets are of the same minute
    [ "$(od -A n -t u4 -j 24 -N 4 a.pcap)" -lt $(($(od -A n -t u4 -j 24 -N 4 b.pcap) + 60)) ]
    [ "$(od -A n -t u4 -j 24 -N 4 b.pcap)" -lt $(($(od -A n -t u4 -j 24 -N 4 a.pcap) + 60)) ]
    refuses 1 "--timezone: 'Europe/Nowhere' is not a time zone that this system knows" \
        dayshift day -o x --timezone Europe/Nowhere "$model"
    refuses 1 "--timezone: '../UTC' is not a time zone" dayshift learn -o x --timezone ../UTC "$sample"
}

@test "day: speed makes it shorter" {
    need capinfos
    dayshift day -q -o a.pcap "${window[@]}" --speed 10 "$model"
    run -0 capinfos -TrBu a.pcap
    [[ $(cut -f 2 <<< "$output") =~ ^(1[0-2]|[0-9])\. ]]
}

@test "day: hosts have the addresses that were asked for" {
    need tshark
    dayshift day -q -o a.pcap "${window[@]}" --hosts 30 --network 172.20.0.0/24 \
        --outside 192.0.2.0/24 "$model"
    tshark -n -r a.pcap -T fields -e ip.src -e ip.dst 2> /dev/null | tr '\t' '\n' | sort -u > addresses
    run -1 grep -vE '^(172\.20\.0\.([1-9]|[12][0-9]|30)|192\.0\.2\.[0-9]+|255\.255\.255\.255|22[4-9]\..*|23.\..*)$' addresses
    [ "$(grep -c '^172' addresses)" -eq 30 ]
}

@test "day: every frame is well-formed" {
    need tshark
    dayshift day -q -o a.pcap "${window[@]}" "$model"
    tshark -n -r a.pcap -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE \
        -o udp.check_checksum:TRUE -o tcp.analyze_sequence_numbers:TRUE \
        -Y '_ws.malformed || _ws.expert.group == "Checksum" || tcp.analysis.lost_segment ||
            tcp.analysis.ack_lost_segment || !ip' 2> /dev/null > findings
    [ ! -s findings ] || complain "$(head findings)"
}

# Of IPv6, and of both families side by side: what another decoder says, and no flow that TCP could not have made.
@test "day: IPv6" {
    need tshark
    dayshift day -q -o six.pcap --network 2001:db8::/64 "${window[@]}" "$model"
    dayshift day -q -o both.pcap --network 2001:db8::/64 --network 198.18.0.0/24 "${window[@]}" "$model"
    for file in six both; do
        tshark -n -r $file.pcap -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE \
            -o udp.check_checksum:TRUE -o tcp.analyze_sequence_numbers:TRUE \
            -Y '_ws.malformed || _ws.expert.group == "Checksum" || tcp.analysis.lost_segment ||
                tcp.analysis.ack_lost_segment || (ipv6 && ipv6.flow == 0)' 2> /dev/null > findings
        [ ! -s findings ] || complain "$(head findings)"
        dayshift check $file.pcap > checked
        grep -qE 'legal: no rule below is broken +1.0000$' checked
        grep -qE '^checksums right \(\*\) +1.0000$' checked
    done
    [ -z "$(tshark -n -r six.pcap -Y '!ipv6' 2> /dev/null)" ]
    [ "$(tshark -n -r both.pcap -Y ip 2> /dev/null | wc -l)" -gt 100 ]
    [ "$(tshark -n -r both.pcap -Y ipv6 2> /dev/null | wc -l)" -gt 100 ]
}

@test "day: networks that cannot be" {
    refuses 1 "networks 198.19.128.0/17 and 198.19.0.0/16 overlap" \
        dayshift day -o new.pcap --network 198.19.128.0/17 "$model"
    refuses 1 "network 198.18.0.0/29: 12 hosts wanted, it has room for 6" \
        dayshift day -o new.pcap --network 198.18.0.0/29 "$model"
    refuses 1 "networks 2001:2::/48 and 2001:2:0:8000::/49 overlap" \
        dayshift day -o new.pcap --network 2001:2::/48 "$model"
    refuses 1 "network ff00::/8: no host can have its addresses" dayshift day -o new.pcap --network ff00::/8 "$model"
}

@test "day: times that a pcap file cannot say" {
    refuses 1 "ends after 2106" dayshift day -o new.pcap --date 2106-03-01 "$model"
    refuses 1 "ends after 2106" dayshift day -o new.pcap --date 2199-01-01 --for 50000d "$model"
    refuses 1 "ends after 2106" dayshift day -o new.pcap --for 50000d --speed 0.001 "$model"
}

# interrupt SIGNAL SECONDS COMMAND...: its exit status in $status, its words in the file `words`.
# It is killed if it does not end.
interrupt()
{
    local signal=$1 seconds=$2 pid
    shift 2

    env --default-signal=HUP "$@" > words 2>&1 3>&- & # whatever the shell was started under
    pid=$!
    sleep "$seconds"
    kill -"$signal" "$pid"
    wait_for 10 has_ended "$pid" || kill -KILL "$pid"
    status=0
    wait "$pid" || status=$?
}

@test "day: an interrupted run leaves no file" {
    local signal

    mkdir out
    for signal in INT TERM HUP; do
        interrupt "$signal" 0.5 "$DAYSHIFT" day -o out/new.pcap --hosts 2000 "$model"
        [ "$status" -eq 1 ]
        [ "$(cat words)" = "dayshift: interrupted; out/new.pcap was not written" ]
        [ -z "$(ls -A out)" ]
    done
}

@test "an interrupted write leaves an old file as it was" {
    echo old > new.pcap
    interrupt INT 0.5 "$DAYSHIFT" day -o new.pcap --hosts 2000 "$model"
    [ "$status" -eq 1 ]
    [ "$(cat new.pcap)" = old ]
}

# The first five minutes of so many hosts take longer to plan than the test waits.
@test "an interrupt while a large population is planned" {
    local signal

    mkdir out
    configure a.conf "populations = ( { model = \"$model\"; network = \"10.0.0.0/8\"; hosts = 300000; } );" \
        "${when[@]}"
    for signal in INT TERM HUP; do
        interrupt "$signal" 2 "$DAYSHIFTD" -j -w out/new.pcap -c a.conf
        [ "$status" -eq 1 ]
        grep -qx "dayshiftd: interrupted by SIG$signal; out/new.pcap was not written" words
        [ -z "$(ls -A out)" ]
    done
    interrupt INT 2 "$DAYSHIFT" day -o out/new.pcap -n 300000 --network 10.0.0.0/8 "${window[@]}" "$model"
    [ "$status" -eq 1 ]
    [ "$(cat words)" = "dayshift: interrupted; out/new.pcap was not written" ]
    [ -z "$(ls -A out)" ]
}

# ---- dayshiftd without a link ----

@test "dayshiftd: an interrupt while the configuration is read" {
    mkfifo slow.conf
    interrupt TERM 0.3 "$DAYSHIFTD" -n -c slow.conf
    [ "$status" -eq 143 ]
    interrupt HUP 0.3 "$DAYSHIFTD" -w new.pcap -c slow.conf
    [ "$status" -eq 129 ]
    [ ! -e new.pcap ]
}

@test "dayshiftd: an interface must be named to play on one" {
    configure a.conf "$players"
    refuses 1 "a.conf: interface is missing" dayshiftd -c a.conf
}

@test "dayshiftd -w: needs an end" {
    configure a.conf "$players"
    refuses 1 'a.conf: duration is "forever"' dayshiftd -w new.pcap -c a.conf
}

@test "dayshiftd -w writes what dayshift day writes, every time" {
    local speed

    for speed in 1 5; do
        configure a.conf "$players" "${when[@]}" 'seed = 42;' "speed = $speed;"
        dayshiftd -w a.pcap -c a.conf
        dayshiftd -w b.pcap -c a.conf
        cmp a.pcap b.pcap
        dayshiftd -w - -c a.conf > b.pcap 2> table
        cmp a.pcap b.pcap
        grep -q "^dayshiftd: ran " table
        dayshift day -q -o b.pcap --date "$SAMPLE_DATE" --start "$SAMPLE_START" \
            --for $((2 * speed))m --seed 42 --speed "$speed" "$model"
        cmp a.pcap b.pcap
    done
}

@test "dayshiftd -w: two populations on one wire" {
    need tshark
    configure a.conf "populations = ( { model = \"$model\"; network = \"10.1.0.0/24\"; hosts = 20; }," \
        "{ model = \"$model\"; network = \"10.2.0.0/24\"; } );" "${when[@]/2m/10m}"
    dayshiftd -j -w a.pcap -c a.conf > json
    [ "$(json_value json 'd["hosts"]')" = 32 ]
    tshark -n -r a.pcap -T fields -e ip.src 2> /dev/null | sort -u > addresses
    [ "$(grep -c '^10\.1\.' addresses)" -eq 20 ]
    [ "$(grep -c '^10\.2\.' addresses)" -eq 12 ]
}

# senders FILE: who sends with which tag, by the first two numbers of the address, each once
senders()
{
    tcpdump -enr "$1" 2> /dev/null |
        sed -E 's/^.*(vlan [0-9]+, p [0-9]+), ethertype IPv4[^,]*, ([0-9]+\.[0-9]+)\..*/\2 \1/; t
            s/^.*ethertype IPv4[^,]*, length [0-9]+: ([0-9]+\.[0-9]+)\..*/\1 untagged/' | sort -u
}

@test "dayshiftd -w: every frame has the VLAN tag of its sender" {
    local m="model = \"$model\"; hosts = 12;"
    local inside="populations = ( { $m network = \"10.1.0.0/24\"; }, { $m network = \"10.2.0.0/24\"; vlan = 20; } );"

    need tcpdump
    configure a.conf "$inside" 'outside = "10.9.0.0/16";' "${when[@]}"
    dayshiftd -j -q -w a.pcap -c a.conf > table
    [ "$(json_value table 'd["refused"]')" = 0 ]
    [ "$(senders a.pcap)" = "10.1 untagged
10.2 vlan 20, p 0
10.9 untagged
10.9 vlan 20, p 0" ]
    configure a.conf "$inside" 'outside = "10.9.0.0/16"; outside_vlan = 4094;' "${when[@]}"
    dayshiftd -j -q -w b.pcap -c a.conf > table
    [ "$(json_value table 'd["refused"]')" = 0 ]
    [ "$(senders b.pcap)" = "10.1 untagged
10.2 vlan 20, p 0
10.9 vlan 4094, p 0" ]
}

@test "dayshiftd -w: a file of two links is what a tap of both would see" {
    local links='links = ( { name = "in"; interface = "a"; }, { name = "out"; interface = "b"; } );'

    configure a.conf "$players" "${when[@]}"
    dayshiftd -q -w one.pcap -c a.conf
    configure a.conf "$players" "${when[@]}" "$links" 'outside_link = "out";'
    dayshiftd -q -j -w two.pcap -c a.conf > table
    [ "$(json_value table 'd["refused"]')" = 0 ]
    cmp one.pcap two.pcap
}

@test "dayshiftd -w: the table and its JSON tell the same" {
    need capinfos
    configure a.conf "$players" "${when[@]}"
    run -0 --separate-stderr dayshiftd --json -q -w a.pcap -c a.conf
    [ -z "$stderr" ]
    echo "$output" > json
    [ "$(json_value json 'd["planned"] == d["sent"] + d["dropped"] + d["refused"]')" = True ]
    [ "$(json_value json '[d["dropped"], d["refused"], d["ended"]]')" = "[0, 0, 'the end of the run']" ]
    [ "$(json_value json 'd["sent"]')" = "$(capinfos -TrcM a.pcap | cut -f 2)" ]
    run -0 dayshiftd -w a.pcap -c a.conf
    [[ $output == *"frames planned "*" $(json_value json '"{planned:,}".format(**d)')  = sent + dropped + refused"* ]]
    [[ $output == *"bytes sent "*" $(json_value json '"{sent_bytes:,}".format(**d)')"* ]]
}

@test "dayshiftd -w: an interrupted run leaves no file, and its sums are right" {
    local signal moment

    mkdir out
    configure a.conf "populations = ( { model = \"$model\"; hosts = 2000; } );" \
        "start = \"$SAMPLE_DATE 00:00\"; duration = \"1d\";"
    for signal in INT TERM HUP; do
        for moment in 0.2 0.5; do
            interrupt "$signal" "$moment" "$DAYSHIFTD" -j -w out/new.pcap -c a.conf
            [ "$status" -eq 1 ]
            grep -qx "dayshiftd: interrupted by SIG$signal; out/new.pcap was not written" words
            [ -z "$(ls -A out)" ]
            sed '/^dayshiftd: /d' words > json
            [ "$(json_value json 'd["planned"] == d["sent"] + d["dropped"] + d["refused"]')" = True ]
            [ "$(json_value json 'd["ended"]')" = "SIG$signal" ]
        done
    done
}

# ---- the tables ----

# lines_of_manual FILE SECTION: the names of lines that it explains; "lateness p50, p99" is two of them
lines_of_manual()
{
    sed -n "/^\.Ss $2\$/,/^\.S[hs] /s/^\.It \([a-zA-Z].*\)/\1/p" "$SOURCE/docs/$1" |
        awk -F ', ' '{ print; print $1; sub(/ [^ ]*$/, "", $1); for (i = 2; i <= NF; i++) { print $1 " " $i; print $i } }'
}

# Every line that the table or `dayshift ctl status` can have.
@test "the manual explains every line of the tables" {
    lines_of_manual dayshiftd.8 'The final table' > manual
    lines_of_manual dayshift.1 'dayshift ctl' >> manual
    grep -ohE '(table_(text|count|time)|count_unless_none)\(to, [^"]*"[^"]*"( : "[^"]*")?' "$SOURCE"/src/daemon/{report,live_status,status}.c |
        grep -oE '"[^"]*"' | sed 's/^" *//; s/"$//' | sort -u > printed
    [ "$(wc -l < printed)" -ge 45 ]
    run grep -vxFf manual printed
    [ -z "$output" ] || complain "not explained:" "$output"
}
