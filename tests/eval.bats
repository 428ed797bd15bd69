#!/usr/bin/env bats
# contrib/eval: what judges synthetic flows by a classifier.
# shellcheck disable=SC2030,SC2031,SC2154 # each test is a subshell; bats sets stderr_lines

setup()
{
    load helpers
    enter_scratch
    eval=$SOURCE/contrib/eval
}

need_sklearn()
{
    [ -x /usr/bin/python3 ] || skip "no Debian python3"
    /usr/bin/python3 -c 'import sklearn' 2> /dev/null || skip "no python3-sklearn"
}

@test "their own tests pass" {
    need_sklearn
    run -0 "$eval/test_eval.py"
    [[ $output == *OK* ]]
}

@test "flows of a network cannot be told from others of it, and are no copies" {
    need_sklearn
    "$HELPERS/make_capture" sample.pcap
    dayshift features -q -o bare.csv sample.pcap
    # Classes of flows: their services.
    awk -F, -v OFS=, 'NR > 1 { $8 = "port" $6 } 1' bare.csv > labels.csv
    dayshift features -q --labels labels.csv --except-fold 0/2 -o train.csv sample.pcap
    dayshift features -q --labels labels.csv --fold 0/2 -o test.csv sample.pcap
    run -0 "$eval/judge.py" --seeds 1 --trees 20 train.csv test.csv train.csv
    [[ $output == *"macro-F1 on held-out real flows"* ]]
    "$eval/judge.py" --json --seeds 1 --trees 20 train.csv test.csv train.csv > found.json
    [ "$(json_value found.json 'd["tstr_ratio"] == 1 and d["f1"]["real"]["mean"] > 0.9')" = True ]
    [ "$(json_value found.json 'abs(d["auc"]["synthetic"]["mean"] - 0.5) < 0.15')" = True ]
    run -0 "$eval/table.py" found.json
    [ "${#lines[@]}" -eq 2 ]
    [[ ${lines[1]} == "found "* ]]
    # Of two folds a line; the means are those of one, and they do not differ.
    mkdir 0 1
    cp found.json 0
    cp found.json 1
    run -0 "$eval/table.py" 0/found.json 1/found.json
    [ "${#lines[@]}" -eq 2 ]
    [[ ${lines[1]} =~ ^"found "\ *2\ .*1\.000\ "+-0.000" ]]
}

@test "what they cannot use is said in one line" {
    need_sklearn
    echo "a,b" > bad.csv
    refuses 1 "judge.py: gone.csv: No such file" "$eval/judge.py" gone.csv gone.csv gone.csv
    refuses 1 "bad.csv: there is no column" "$eval/judge.py" bad.csv bad.csv bad.csv
    refuses 1 "split.py: gone: No such file" "$eval/split.py" setups gone "$BATS_TEST_TMPDIR/x" "$BATS_TEST_TMPDIR/y"
    refuses 1 "table.py: a file is not what" "$eval/table.py" bad.csv
    refuses 2 "usage: run.sh" "$eval/run.sh" one
    refuses 2 "usage: run.sh" "$eval/run.sh" a b c sideways
    refuses 2 "usage: run.sh" "$eval/run.sh" -k 6 a b c folds
    refuses 2 "usage: run.sh" "$eval/run.sh" -k 2 a b c apart
}
