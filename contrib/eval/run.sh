#!/bin/bash
# Learns labelled flows of real captures, synthesizes as many sessions, and asks a classifier what they are worth.
#
#     contrib/eval/run.sh [-m MODEL]... [-s SEED] [-k FOLDS] [-c TRAIN,TEST] DAYSHIFT CAPTURES OUT [folds|apart]
#
# CAPTURES holds ndpi_apps/ with its table ndpi_apps.labels.tsv (labels are cut at the first dot), and
# iot_sentinel/, where each capture is of one device. OUT gets all files, of each fold in a folder; at the end a
# table of four tasks is printed: TCP and UDP, by application and by device. What is compared:
#
#     folds   four fifths of the flows are learned, one is held out, by a hash of each flow; each fifth in its
#             turn, or the first FOLDS of them: the means are printed, and how far folds differ
#     apart   what was recorded together is not on both sides: whole captures of applications are dealt to two
#             halves; a device has one capture, so it is cut into its setups, which lie days apart. Without -k
#
# -m names a packet model of `dayshift sessions`; several are compared. -c: a class needs so many real flows to
# train and to test with (default 10,5). Needs python3-sklearn.
set -eu

# shellcheck source=contrib/eval/common.sh
. "$(dirname "$0")/common.sh"

FOLDS_OF_ALL=5

folds= # not given
models=()
seed=1
least=10,5
read_options "m=models+ s=seed k=folds c=least" "$@"
set -- "${arguments[@]}"
if [ $# -lt 3 ] || [ $# -gt 4 ]; then usage 2 >&2; fi
captures=$2 split=${4:-folds}
[[ $least =~ ^[0-9]+,[0-9]+$ ]] || usage 2 >&2
case $split in
folds) folds=${folds:-$FOLDS_OF_ALL} ;;
apart)
    [ -z "$folds" ] || usage 2 >&2
    folds=1
    ;;
*) usage 2 >&2 ;;
esac
[[ $folds =~ ^[1-5]$ ]] || usage 2 >&2
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

# learn_flows FOLD NAME LABELS FOLDER: PART/NAME.dsm, of all hosts, and features PART/NAME.{train,test}.csv
learn_flows() {
    local fold=$1/$FOLDS_OF_ALL name=$2 labels=$3 train=$4 test=$4
    local learn=(--fold "$fold") without=(--except-fold "$fold") with=(--fold "$fold")

    if [ "$split" = apart ]; then
        split_captures "$name" "$labels" "$train"
        train=$out/$name.train test=$out/$name.test learn=() without=() with=()
    fi
    run_dayshift learn -q -l 0.0.0.0/0 -l ::/0 --labels "$labels" "${learn[@]}" -o "$part/$name.dsm" "$train"
    run_dayshift features -q --labels "$labels" "${without[@]}" -o "$part/$name.train.csv" "$train"
    run_dayshift features -q --labels "$labels" "${with[@]}" -o "$part/$name.test.csv" "$test"
}

# judge_task NAME PROTOCOL MODEL: PART/TASK.json, of as many sessions as there were flows to learn
judge_task() {
    local name=$1 protocol=$2 model=$3 task=$2-$1${3:+-$3} how=() of flows

    [ -z "$model" ] || how=(--packet-model "$model")
    for of in train test; do
        between_hosts <"$part/$name.$of.csv" | awk -F , -v protocol="$protocol" 'NR == 1 || $2 == protocol' \
            >"$part/$protocol-$name.$of.csv"
    done
    flows=$(tail -n +2 "$part/$protocol-$name.train.csv" | wc -l)
    run_dayshift sessions -q -n "$flows" --protocol "$protocol" --seed "$seed" "${how[@]}" -o "$part/$task.pcap" \
        --truth "$part/$task.truth.csv" "$part/$name.dsm"
    run_dayshift features -q --labels "$part/$task.truth.csv" --protocol "$protocol" -o "$part/$task.csv" \
        "$part/$task.pcap"
    if "$here/judge.py" --json --features --jobs "$(nproc)" --min-train "${least%,*}" --min-test "${least#*,}" \
        "$part/$protocol-$name.train.csv" "$part/$protocol-$name.test.csv" "$part/$task.csv" >"$part/$task.json"; then
        judged+=("$part/$task.json")
    else
        echo "run.sh: $task cannot be judged" >&2
    fi
}

# judge_part FOLD: all tasks and models, in OUT/FOLD
judge_part() {
    local name protocol model

    part=$out/$1
    mkdir -p "$part"
    learn_flows "$1" application "$out/application.tsv" "$captures/ndpi_apps"
    learn_flows "$1" device file "$captures/iot_sentinel"
    for name in application device; do
        for protocol in tcp udp; do
            for model in "${models[@]}"; do
                judge_task $name $protocol "$model"
            done
        done
    done
}

judged=()
cut_labels "$captures/ndpi_apps.labels.tsv" "$out/application.tsv"
for ((k = 0; k < folds; k++)); do judge_part $k; done
[ ${#judged[@]} -gt 0 ] || die "no task could be judged"
"$here/table.py" "${judged[@]}"
