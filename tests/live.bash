# A link of its own for dayshiftd, and dayshiftd on it: two network namespaces, joined by a veth pair. Nothing leaves
# them. Needs root. For the bats files; loaded after helpers.bash.
# shellcheck disable=SC2034,SC2154 # the bats files use these; bats sets those

# shellcheck source=tests/tcpdump.bash
. "$(dirname "${BASH_SOURCE[0]}")/tcpdump.bash"

# For setup_file and teardown_file. Why there is no link is said in NO_LINK: setup_file itself cannot skip.
live_setup_file()
{
    export NO_LINK='' PUBLIC='' near=dsd-$$-near far=dsd-$$-far
    make_link || return 0
    make_sample
    # Where a user without rights can read it.
    PUBLIC=$(mktemp -d)
    chmod 755 "$PUBLIC"
    cp "$DAYSHIFTD" "$PUBLIC/dayshiftd"
    cp "$BATS_FILE_TMPDIR/sample.dsm" "$PUBLIC/sample.dsm"
}

live_teardown_file()
{
    local space

    [ -z "$NO_LINK" ] || return 0
    for space in "$near" "$far"; do
        ip netns del "$space" || true # the pair goes with them
    done
    rm -rf "$PUBLIC"
}

need_link()
{
    [ -z "$NO_LINK" ] || skip "$NO_LINK"
}

# For setup and teardown.
live_setup()
{
    model=$PUBLIC/sample.dsm
    players="populations = ( { model = \"$model\"; hosts = 40; } );"
    control=
    daemon_pid=
    tcpdump_pid=
    second_pid=
}

live_teardown()
{
    [ -z "$NO_LINK" ] || return 0
    end_process "$daemon_pid"
    end_process "$tcpdump_pid"
    end_process "$second_pid"
    ip -n "$far" address flush dev dsd1
    ip -n "$near" link set dsd0 up
    ip -n "$near" route flush table main 2> /dev/null || true
}

make_link()
{
    local tool

    [ "$(id -u)" = 0 ] || NO_LINK="not root"
    for tool in ip setpriv tcpdump; do
        command -v "$tool" > /dev/null || NO_LINK="no $tool"
    done
    [ -z "$NO_LINK" ] || return 1
    if ! make_namespace "$near" || ! make_namespace "$far" || ! make_pair dsd0 dsd1; then
        ip netns del "$near" 2> /dev/null
        ip netns del "$far" 2> /dev/null
        NO_LINK="no namespaces"
        return 1
    fi
}

# Without IPv6 the kernel sends nothing of its own.
make_namespace()
{
    # shellcheck disable=SC2016 # $scope is for the inner shell
    ip netns add "$1" 2> /dev/null && ip netns exec "$1" sh -c '[ ! -e /proc/sys/net/ipv6 ] ||
        for scope in all default; do
            echo 1 > /proc/sys/net/ipv6/conf/$scope/disable_ipv6 || exit 1
        done'
}

make_pair()
{
    ip link add "$1" netns "$near" type veth peer name "$2" netns "$far" &&
        ip -n "$near" link set "$1" up && ip -n "$far" link set "$2" up
}

end_process()
{
    [ -z "$1" ] || { kill "$1" 2> /dev/null && wait "$1" 2> /dev/null; } || true
}

in_near()
{
    ip netns exec "$near" "$@"
}

in_far()
{
    ip netns exec "$far" "$@"
}

# play LINE...: the configuration live.conf, at ten times the pace of the sample, with the socket $control ('': none).
# Without probes and announcements, which take time and are on the wire (tests/test_neighbours.sh has them).
play()
{
    configure live.conf "$players" "control = \"$control\";" 'probe = false;' 'announce = false;' \
        "start = \"$SAMPLE_DATE $SAMPLE_START\";" 'speed = 10;' 'interface = "dsd0";' "$@"
}

# Starts dayshiftd, its pid in $daemon_pid; `report` gets what it prints, `words` what it says.
start_daemon()
{
    # Not through in_near: the process id would be that of a shell around it.
    ip netns exec "$near" "$DAYSHIFTD" --json -c live.conf > report 2> words 3>&- &
    daemon_pid=$!
}

# Waits for its end, for at most 10 s: its exit status.
end_of_daemon()
{
    local status=0

    wait_for 10 has_ended "$daemon_pid"
    wait "$daemon_pid" || status=$?
    daemon_pid=
    return "$status"
}

frames_on_link()
{
    in_near cat /sys/class/net/dsd0/statistics/tx_packets
}

is_sending()
{
    [ "$(frames_on_link)" -gt "$sent_before" ]
}

# Waits until the first frames are on the wire.
wait_for_frames()
{
    wait_for 10 is_sending
}

start_tcpdump()
{
    capture_frames "$far" dsd1 wire.pcap tcpdump.words
    tcpdump_pid=$capture_pid
}

# Ends it when it has seen that many frames.
end_tcpdump()
{
    wait_for 5 has_frames "$1"
    end_process "$tcpdump_pid"
    tcpdump_pid=
}

# has_frames N [FILE]
has_frames()
{
    [ "$(tcpdump -nr "${2:-wire.pcap}" 2> /dev/null | wc -l)" -ge "$1" ]
}

report_says()
{
    [ "$(json_value report "$1")" = "$2" ] || complain "$1 is not $2:" "$(cat report)"
}

sums_are_right()
{
    report_says 'd["planned"] - d["sent"] - d["dropped"] - d["refused"]' 0
    report_says 'd["sent"] + d["unasked"] + d["arp_answers"] + d["nd_answers"] + d["echo_answers"] + d["resets"] + d["unreachable"] - d["interface_packets"]' 0
}
