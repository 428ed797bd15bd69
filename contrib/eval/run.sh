#!/bin/bash
# Learns labelled flows of real captures, synthesizes as many sessions, and asks a classifier what they are worth.
#
#     contrib/eval/run.sh [-m MODEL]... [-s SEED] [-c TRAIN,TEST] DAYSHIFT CAPTURES OUT [folds|apart]
#
# CAPTURES holds ndpi_apps/ with its table ndpi_apps.labels.tsv (labels are cut at the first dot), and
# iot_sentinel/, where each capture is of one device. OUT gets all files; at the end a table of four tasks is
# printed: TCP and UDP, by application and by device. What is compared:
#
#     folds   four fifths of the flows are learned, the last fifth is held out, by a hash of each flow
#     apart   what was recorded together is not on both sides: whole captures of applications are dealt to two
#             halves; a device has one capture, so it is cut into its setups, which lie days apart
#
# -m names a packet model of `dayshift sessions`; several are compared. -c: a class needs so many real flows to
# train and to test with (default 10,5). Needs python3-sklearn.
set -eu

# shellcheck source=contrib/eval/common.sh
. "$(dirname "$0")/common.sh"

fold=0/5
models=()
seed=1
least=10,5
read_options "m=models+ s=seed c=least" "$@"
set -- "${arguments[@]}"
if [ $# -lt 3 ] || [ $# -gt 4 ]; then usage 2 >&2; fi
captures=$2 split=${4:-folds}
[[ $least =~ ^[0-9]+,[0-9]+$ ]] || usage 2 >&2
case $split in folds | apart) ;; *) usage 2 >&2 ;; esac
[ ${#models[@]} -gt 0 ] || models=("")
/usr/bin/python3 -c 'import sklearn' 2>/dev/null || die "the Debian package python3-sklearn is needed"
begin "$1" "$3"

# The table of applications, as classes: labels are cut at the first dot, what is unknown has none.
cut_labels() {
    awk -F '\t' -v OFS='\t' 'NR > 1 { sub(/\..*/, "", $7); if ($7 == "Unknown") $7 = "-" } 1' "$1" >"$2"
}

# Features without what a host says to itself, which dayshift learn leaves out as well.
between_hosts() {
    awk -F , '$3 != $5'
}

# split_captures NAME LABELS FOLDER: OUT/NAME.train/ and OUT/NAME.test/, recorded apart
split_captures() {
    rm -rf "$out/$1.train" "$out/$1.test"
    if [ "$2" = file ]; then
        "$here/split.py" setups "$3" "$out/$1.train" "$out/$1.test"
    else
        run_dayshift features -q --labels "$2" -o "$out/$1.features.csv" "$3"
        between_hosts <"$out/$1.features.csv" >"$out/$1.all.csv"
        "$here/split.py" files "$out/$1.all.csv" "$3" "$out/$1.train" "$out/$1.test"
    fi
}

# learn_flows NAME LABELS FOLDER: OUT/NAME.dsm, of all hosts, and features OUT/NAME.{train,test}.csv
learn_flows() {
    local name=$1 labels=$2 train=$3 test=$3 learn=(--fold "$fold") without=(--except-fold "$fold") with=(--fold "$fold")

    if [ "$split" = apart ]; then
        split_captures "$@"
        train=$out/$name.train test=$out/$name.test learn=() without=() with=()
    fi
    run_dayshift learn -q -l 0.0.0.0/0 -l ::/0 --labels "$labels" "${learn[@]}" -o "$out/$name.dsm" "$train"
    run_dayshift features -q --labels "$labels" "${without[@]}" -o "$out/$name.train.csv" "$train"
    run_dayshift features -q --labels "$labels" "${with[@]}" -o "$out/$name.test.csv" "$test"
}

# judge_task NAME PROTOCOL MODEL: OUT/TASK.json, of as many sessions as there were flows to learn
judge_task() {
    local name=$1 protocol=$2 model=$3 task=$2-$1${3:+-$3} how=() flows

    [ -z "$model" ] || how=(--packet-model "$model")
    for part in train test; do
        between_hosts <"$out/$name.$part.csv" | awk -F , -v protocol="$protocol" 'NR == 1 || $2 == protocol' \
            >"$out/$protocol-$name.$part.csv"
    done
    flows=$(tail -n +2 "$out/$protocol-$name.train.csv" | wc -l)
    run_dayshift sessions -q -n "$flows" --protocol "$protocol" --seed "$seed" "${how[@]}" -o "$out/$task.pcap" \
        --truth "$out/$task.truth.csv" "$out/$name.dsm"
    run_dayshift features -q --labels "$out/$task.truth.csv" --protocol "$protocol" -o "$out/$task.csv" \
        "$out/$task.pcap"
    if "$here/judge.py" --json --features --jobs "$(nproc)" --min-train "${least%,*}" --min-test "${least#*,}" \
        "$out/$protocol-$name.train.csv" "$out/$protocol-$name.test.csv" "$out/$task.csv" >"$out/$task.json"; then
        tasks+=("$out/$task.json")
    else
        echo "run.sh: $task cannot be judged" >&2
    fi
}

tasks=()
cut_labels "$captures/ndpi_apps.labels.tsv" "$out/application.tsv"
learn_flows application "$out/application.tsv" "$captures/ndpi_apps"
learn_flows device file "$captures/iot_sentinel"
for name in application device; do
    for protocol in tcp udp; do
        for model in "${models[@]}"; do
            judge_task $name $protocol "$model"
        done
    done
done
[ ${#tasks[@]} -gt 0 ] || die "no task could be judged"
"$here/table.py" "${tasks[@]}"
