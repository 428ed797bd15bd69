#!/bin/bash
# Makes the tables and figures of docs/results.md anew.
#
#   bench/results.sh DAYSHIFT CAPTURES OUTPUT
#
# DAYSHIFT is the program, CAPTURES a directory with the captures that docs/results.md names. Prints every command and
# what it said; models, records and pictures go to the directory OUTPUT. Takes about five minutes, and
# twenty more where python3-sklearn is installed. Benchmarks of packet models are run where
# `make bench/bench_bn bench/bench_session` made them beside DAYSHIFT.
set -eu

[ $# = 3 ] || { sed -n '2,10s/^# \?//p' "$0"; exit 2; }
mkdir -p "$3"
sample=$(realpath "$(dirname "$0")"/../contrib/sample.pcap.*)
eval_run=$(realpath "$(dirname "$0")"/../contrib/eval/run.sh)
dayshift=$(realpath "$1") captures=$(realpath "$2")
cd "$3"

dayshift() { "$dayshift" "$@"; }

section() { printf '\n== %s\n' "$1"; }

# say COMMAND: prints it, then runs it; what follows in a pipe is for the eye only.
say() {
    printf '\n$ %s\n' "$*"
    eval "$*"
}

# addresses N: of the first N hosts of a synthesized network.
addresses() {
    local i

    for ((i = 1; i <= $1; i++)); do
        printf '198.18.%d.%d\n' $((i / 256)) $((i % 256))
    done
}

ln -sf "$captures"/ugr16_isp_20160411_A.csv.xz ugr16.csv.xz
ln -sf "$captures"/iot_week_2021-03-08_11.pcap iot.pcap
ln -sf "$captures"/m57_20091118_zeek_conn.log m57.log
ln -sf "$captures"/tridium_lan_20091106_zeek_conn.log tridium.log
ln -sf "$captures"/ipv6lab_201207_zeek_conn.log ipv6lab.log
tail -n +2 "$captures"/ugr16_isp_20160411_A.hosts.tsv | cut -f1 >hosts.txt
dayshift learn -q --hosts hosts.txt -o ugr16.dsm ugr16.csv.xz
dayshift learn -q -o iot.dsm iot.pcap

section 'Table I: identification'
say 'dayshift identify -q --hosts hosts.txt ugr16.csv.xz | head -n 4'
say 'dayshift identify -q --one-way --hosts hosts.txt ugr16.csv.xz | head -n 4'
for log in iot.pcap m57.log tridium.log ipv6lab.log; do
    say "dayshift identify -q $log | head -n 4"
done

section 'Table II: nats a record'
say 'dayshift score -q --hosts hosts.txt ugr16.csv.xz | head -n 10'
say 'dayshift score -q --one-way --hosts hosts.txt ugr16.csv.xz | head -n 10'
for log in iot.pcap m57.log ipv6lab.log; do
    say "dayshift score -q $log | head -n 10"
done

section 'Fig. 1: ports of a server and of a user'
say 'dayshift info --host 14 --histogram server.svg ugr16.dsm'
say 'dayshift info --host 31 --histogram user.svg ugr16.dsm'

section 'Fig. 3: mixtures between two hosts'
web=14 user=31
for share in 1 0.75 0.5 0.25 0; do
    for seed in 1 2 3 4 5; do
        dayshift synth -q -n 3000 --seed $seed --mix "$web:$share,$user:$(bc <<<"1 - $share")" --block 50 \
            -o mix.csv ugr16.dsm
        addresses 113 | sed -n "$((web + 1))p" >mix.hosts
        dayshift learn -q --hosts mix.hosts -o "part-$seed.dsm" mix.csv
    done
    dayshift merge -q -o "web-$share.dsm" part-{1,2,3,4,5}.dsm
done
say 'dayshift embed --svg mixtures.svg --csv mixtures.csv web-{1,0.75,0.5,0.25,0}.dsm'
say "awk -F, 'NR > 1 { n[\$1]++; x[\$1] += \$4; y[\$1] += \$5 } END { for (m in n) print m, x[m] / n[m], y[m] / n[m] }' mixtures.csv | sort"

section 'Fig. 4: a gap, filled'
say 'dayshift fill -q --list -l 42.219.144.0/20 --host 42.219.153.159 --gap 2016-04-11T10:00/2016-04-11T10:01:30 --replace -o filled.csv ugr16.csv.xz'

section 'Fig. 5: a record becomes packets'
dayshift learn -q -o office.dsm "$sample"
dayshift synth -q --for 10m -o office.csv office.dsm
dayshift day -q --for 10m -o office.pcap office.dsm
port=$(awk -F, '$7 == 80 && $8 == "TCP" { print $6; exit }' office.csv)
say "grep ',$port,80,TCP,' office.csv"
say "tcpdump -nttr office.pcap 'tcp port $port' 2>/dev/null | cut -d' ' -f 2-"

section 'Fig. 6: time over records'
TIMEFORMAT='%U s of CPU time, user; %S s, system'
for n in 1000 10000 100000 1000000 10000000; do
    say "time dayshift synth -q --host 14 -n $n -o records.csv ugr16.dsm" 2>&1
done
# A picture of a few more points; seconds, user.
TIMEFORMAT=%U
for n in 0.5 1 2 3 4 5 6; do
    printf '%s ' "$n"
    { time dayshift synth -q --host 14 -n "$(bc <<<"$n * 1000000 / 1")" -o records.csv ugr16.dsm; } 2>&1
done >time.txt
awk '
    { x[NR] = $1; y[NR] = $2; if ($2 > top) top = $2 }
    END {
        print "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"640\" height=\"400\" font-family=\"sans-serif\" font-size=\"13\">"
        print "<rect width=\"640\" height=\"400\" fill=\"white\"/>"
        print "<path d=\"M60 20V350H620\" fill=\"none\" stroke=\"#888\"/>"
        print "<text x=\"230\" y=\"390\">million records, as CSV</text><text x=\"66\" y=\"30\">seconds of CPU time</text>"
        for (i = 1; i <= NR; i++) {
            px = 60 + 540 * x[i] / x[NR]; py = 350 - 310 * y[i] / top
            printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"#0072b2\"/>\n", px, py
            printf "<text x=\"%.1f\" y=\"368\" text-anchor=\"middle\">%s</text>\n", px, x[i]
            printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", px - 8, py + 4, y[i]
        }
        print "</svg>"
    }' time.txt >time.svg

section "Falk's Table II: domain checks"
ln -sfn "$captures"/iot_sentinel devices
mkdir -p applications # but what a host says to itself, which is not learned
for capture in "$captures"/ndpi_apps/*; do
    [ "${capture##*/}" = WebattackRCE.pcap ] || ln -sf "$capture" applications/
done
ln -sf "$captures"/ndpi_apps.labels.tsv applications.tsv
dayshift learn -q -l 0.0.0.0/0 -l ::/0 --labels file -o devices.dsm devices
dayshift learn -q -l 0.0.0.0/0 -l ::/0 --labels applications.tsv -o applications.dsm applications || [ $? = 3 ]
TIMEFORMAT='%U s of CPU time, user; %S s, system'
for set in devices applications; do
    say "dayshift check $set | head -n 7"
    for model in symbols bn bn-tcp messages; do
        say "time dayshift sessions -q -n 3000 --protocol tcp --packet-model $model -o $set-$model.pcap $set.dsm" 2>&1
        say "dayshift check $set-$model.pcap | head -n 7"
    done
done

section "Falk's Table II: what classifiers learn"
if /usr/bin/python3 -c 'import sklearn' 2>/dev/null; then
    "$eval_run" -m symbols "$dayshift" "$captures" eval folds
    "$eval_run" -k 1 -m bn -m bn-tcp -m messages "$dayshift" "$captures" eval-others folds
    "$eval_run" -m symbols "$dayshift" "$captures" eval-apart apart
fi

section 'Time of packet models'
for set in devices applications; do
    for bench in "$(dirname "$dayshift")"/bench/bench_{bn,session}; do
        [ ! -x "$bench" ] || "$bench" $set.dsm
    done
done

section 'A week, learned again'
addresses 113 >synthetic.hosts
for what in 'even ugr16-even' 'odd ugr16-odd'; do
    dayshift learn -q --half "${what% *}" --hosts hosts.txt -o "${what#* }.dsm" ugr16.csv.xz
done
say 'dayshift synth -q --for 7d --date 2016-04-11 -o week.csv ugr16.dsm'
dayshift learn -q --hosts synthetic.hosts -o ugr16-week.dsm week.csv
say 'dayshift compare ugr16.dsm ugr16-week.dsm | tail -n 10'
say 'dayshift synth -q --for 1d --date 2016-04-11 -o day.csv ugr16.dsm'
dayshift learn -q --hosts synthetic.hosts -o ugr16-day.dsm day.csv
say 'dayshift compare ugr16.dsm ugr16-day.dsm | tail -n 10'
say 'dayshift compare ugr16-even.dsm ugr16-odd.dsm | tail -n 10'
addresses 8 >synthetic.hosts
for half in even odd; do
    dayshift learn -q --half $half -o iot-$half.dsm iot.pcap
done
say 'dayshift day -q --for 7d --date 2021-03-08 -o week.pcap iot.dsm'
dayshift learn -q --hosts synthetic.hosts -o iot-week.dsm week.pcap
say 'dayshift compare iot.dsm iot-week.dsm | tail -n 10'
say 'dayshift compare iot-even.dsm iot-odd.dsm | tail -n 10'

section 'Memory'
say 'dayshift info ugr16.dsm | head -n 9'
say 'dayshift info iot.dsm | head -n 9'
