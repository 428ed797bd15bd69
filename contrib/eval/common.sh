# Shared by run.sh and suricata.sh: their options, and how they run dayshift.
# To be sourced by bash with `set -eu`; $dayshift is the program, $out a directory for files and the log.
# shellcheck shell=bash disable=SC2034,SC2154 # variables are from and for the sourcing script

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=contrib/common.sh
. "$here/../common.sh"

# usage STATUS: the line of the script's first comment that begins with its path
usage() {
    sed -n "s,^#     contrib/eval/\($(basename "$0") .*\),usage: \1,p" "$0"
    exit "$1"
}

# read_options NAMES ARGUMENT...: `-x VALUE` into the variable that NAMES has after x=, as in "s=seed m=models+"; with +
# it is a list. What is left goes into the list arguments.
read_options() {
    local names=$1 letters name option
    shift
    letters=$(sed 's/=[^ ]*/:/g; s/ //g' <<<"$names")

    while getopts "$letters"h option; do
        name=$(tr ' ' '\n' <<<"$names" | sed -n "s/^$option=//p")
        case $option-$name in
        h-*) usage 0 ;;
        *-) usage 2 >&2 ;;
        *+)
            local -n list=${name%+}
            list+=("$OPTARG")
            ;;
        *) printf -v "$name" %s "$OPTARG" ;;
        esac
    done
    arguments=("${@:OPTIND}")
}

# begin DAYSHIFT OUT: the program, and a new log in OUT
begin() {
    dayshift=$(realpath "$1") out=$2
    [ -x "$dayshift" ] || die "$1: no program"
    mkdir -p "$out"
    : >"$out/log"
}

# Runs dayshift; that a part of the captures is damaged is no failure.
run_dayshift() {
    local code=0

    "$dayshift" "$@" 2>>"$out/log" || code=$?
    [ $code = 0 ] || [ $code = 3 ] || die "dayshift $1 failed: $(tail -n 1 "$out/log")"
}
