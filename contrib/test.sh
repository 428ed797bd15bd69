#!/bin/bash
# Installs what a fresh Debian 12 lacks, builds with gcc and clang (any warning is an error), runs
# all tests, runs the unit tests once more under sanitizers, and checks the distribution and the profiled build.
# Needs root: some tests build network namespaces. The last line counts the cases.
set -eu

source_dir=$(cd "$(dirname "$0")/.." && pwd)
[ $# -eq 0 ] || { echo "usage: sudo contrib/test.sh"; [ "$1" = --help ] && exit 0 || exit 2; }

# shellcheck source=contrib/common.sh
. "$source_dir/contrib/common.sh"
need_root
work=$(mktemp -d /tmp/dayshift-test.XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
test_packages=(python3 clang libcmocka-dev bats iproute2 nftables iputils-ping iputils-arping nmap tcpdump tshark tcptrace
    sqlite3 jq xz-utils zstd bzip2 nfdump util-linux procps)
passed=0 failed=0 skipped=0

step() { printf '\n== %s\n' "$*"; }

# Adds the cases of the logs in BUILD/tests: cmocka's, TAP's, and one for any other script.
count_cases() {
    local log ok bad skip
    for log in "$1"/tests/*.log; do
        [ -e "$log" ] || continue
        ok=$(grep -cE '^\[ +OK +\]|^ok ' "$log" || true)
        bad=$(grep -cE '^\[ +FAILED +\] [a-z_]+$|^not ok ' "$log" || true)
        skip=$(grep -cE '^\[ +SKIPPED +\] [a-z_]+$|^ok .*# skip' "$log" || true)
        ok=$((ok - $(grep -c '^ok .*# skip' "$log" || true)))
        if [ $((ok + bad + skip)) -eq 0 ]; then
            case $(sed -n 's/^:test-result: //p' "${log%.log}.trs") in
            PASS) ok=1 ;;
            SKIP) skip=1 ;;
            *) bad=1 ;;
            esac
        elif [ "$bad" -eq 0 ] && grep -q '^:test-result: \(FAIL\|ERROR\)' "${log%.log}.trs"; then
            bad=1 # it ended badly without saying in which case
        fi
        passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
    done
}

run_tests() { # run_tests BUILD [MAKE ARGUMENT...]
    local directory=$1
    shift
    make -j"$(nproc)" -C "$directory" check "$@" >"$directory/check.log" 2>&1 || {
        grep -E '^(FAIL|ERROR|XPASS)' "$directory/check.log" || tail -n 20 "$directory/check.log"
        grep -lE '^:test-result: (FAIL|ERROR)' "$directory"/tests/*.trs | while IFS= read -r log; do
            printf -- '---- %s\n' "${log%.trs}.log"
            tail -n 60 "${log%.trs}.log"
            echo "---- what failed in it"
            grep -E '^(FAILED|not ok|\[  FAILED)|ERROR: ' "${log%.trs}.log" || true
        done
    }
    grep -E '^(PASS|FAIL|SKIP|ERROR):' "$directory/check.log" || true
    grep -hE '^SKIP|skipped: |# skip' "$directory"/tests/*.log | sort | uniq -c || true
    count_cases "$directory"
}

step "packages"
install_packages "${build_packages[@]}" "${test_packages[@]}"
copy_source "$source_dir" "$work/source"
( cd "$work/source" && autoreconf -fi ) >"$work/autoreconf.log" 2>&1 || { cat "$work/autoreconf.log"; die "autoreconf failed"; }

step "gcc, all tests"
build "$work/source" "$work/gcc" "$work/gcc.log" --enable-werror
run_tests "$work/gcc"

step "gcc with sanitizers, unit tests"
build "$work/source" "$work/sanitizers" "$work/sanitizers.log" --enable-werror --enable-sanitizers CFLAGS='-g -O1'
run_tests "$work/sanitizers" TESTS="$(make -s -C "$work/sanitizers" print-unit-tests)"

step "clang"
build "$work/source" "$work/clang" "$work/clang.log" --enable-werror CC=clang

step "distribution"
make -j"$(nproc)" -C "$work/gcc" distcheck TESTS="$(make -s -C "$work/gcc" print-unit-tests)" >"$work/distcheck.log" 2>&1 || {
    tail -n 30 "$work/distcheck.log"
    failed=$((failed + 1))
}
grep -E 'is ready for distribution' "$work/distcheck.log" || true

step "quickstart, short"
if "$source_dir/contrib/quickstart.sh" --seconds 10 >"$work/quickstart.log" 2>&1; then
    passed=$((passed + 1))
    sed -n '/judging/,/^Domain/p' "$work/quickstart.log"
else
    failed=$((failed + 1))
    tail -n 60 "$work/quickstart.log"
fi

step "profiled build"
# play BUILD: ten minutes of the sample's day, in its day.pcap
play() {
    "$1/dayshift" learn -q -o "$1/sample.dsm" "$source_dir"/contrib/sample.pcap.* &&
        "$1/dayshift" day -q -o "$1/day.pcap" --for 10m "$1/sample.dsm"
}
mkdir "$work/profiled"
if { ( cd "$work/profiled" && "$work/source/configure" && make -j"$(nproc)" profiled ) >"$work/profiled.log" 2>&1 &&
    play "$work/gcc" && play "$work/profiled" && cmp "$work/gcc/day.pcap" "$work/profiled/day.pcap"; }; then
    passed=$((passed + 1))
    echo "the same frames"
else
    failed=$((failed + 1))
    tail -n 30 "$work/profiled.log"
fi

printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
