# What the bats files of the programs share.
#
# Every test runs in a directory of its own, which bats removes. What is slow to
# make is made once a file, in $BATS_FILE_TMPDIR.
# shellcheck disable=SC2034,SC2154 # the bats files use these; bats sets those

bats_require_minimum_version 1.5.0

DAYSHIFT=${DAYSHIFT:-$PWD/dayshift}
DAYSHIFTD=${DAYSHIFTD:-$PWD/dayshiftd}
HELPERS=$(dirname "$DAYSHIFT")/tests # the programs that only tests need
SOURCE=${DAYSHIFT_SOURCE:-$(dirname "$BATS_TEST_FILENAME")/..}
BUNDLED_CAPTURE=$(compgen -G "$SOURCE/contrib/sample.pcap*" | head -n 1)

# The network of make_capture is observed here.
SAMPLE_DATE=2026-03-02
SAMPLE_START=10:00

dayshift()
{
    "$DAYSHIFT" "$@"
}

dayshiftd()
{
    "$DAYSHIFTD" "$@"
}

# A directory that is empty: bats keeps files of its own in $BATS_TEST_TMPDIR.
enter_scratch()
{
    mkdir "$BATS_TEST_TMPDIR/scratch"
    cd "$BATS_TEST_TMPDIR/scratch" || return
}

need()
{
    local tool

    for tool in "$@"; do
        command -v "$tool" > /dev/null || skip "no $tool"
    done
}

complain()
{
    printf '%s\n' "$@" >&2
    return 1
}

# refuses STATUS TEXT COMMAND...: ends with that status; says one line, on standard error, that
# contains the text; prints nothing else and leaves the directory as it was.
refuses()
{
    local wanted=$1 text=$2 before after
    shift 2

    before=$(ls -lA)
    run --separate-stderr "$@"
    after=$(ls -lA)
    [ "$status" -eq "$wanted" ] || complain "$*" "status $status, not $wanted: $stderr"
    [ "${#stderr_lines[@]}" -eq 1 ] || complain "$*" "not one line: $stderr"
    [[ $stderr == *"$text"* ]] || complain "$*" "no '$text' in: $stderr"
    [ -z "$output" ] || complain "$*" "prints: $output"
    [ "$before" = "$after" ] || complain "$*" "leaves:" "$after"
}

# wait_for SECONDS COMMAND...: until it succeeds
wait_for()
{
    local tries=$(($1 * 20))
    shift

    until "$@"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || complain "in vain: $*"
        sleep 0.05
    done
}

# A process of ours that nobody has waited for yet.
has_ended()
{
    [ "$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2> /dev/null || echo Z)" = Z ]
}

# Writes configuration $1 from the lines that follow.
configure()
{
    printf '%s\n' "${@:2}" > "$1"
}

# refuses_configuration TEXT LINE...: one of these lines, with a text that contains this one
refuses_configuration()
{
    configure a.conf "${@:2}"
    refuses 1 "$1" dayshiftd -n -c a.conf
}

# refuses_line N TEXT LINE...: the same, for what is in line N
refuses_line()
{
    refuses_configuration "dayshiftd: a.conf:$1: $2" "${@:3}"
}

# json_value FILE EXPRESSION: an expression over the document `d`.
json_value()
{
    python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$@"
}

# A model of the small network in $BATS_FILE_TMPDIR, with the capture it comes from and the map.
make_sample()
{
    "$HELPERS/make_capture" "$BATS_FILE_TMPDIR/sample.pcap"
    dayshift learn --quiet -o "$BATS_FILE_TMPDIR/sample.dsm" --map "$BATS_FILE_TMPDIR/sample.map" \
        "$BATS_FILE_TMPDIR/sample.pcap"
}
