# link.sh - two network namespaces joined by a veth pair, for scripts that put frames on a link of their own. Nothing
# leaves them. Source it; call link_set_up TOOL... once, which exits with 77 (skipped) where that cannot be had, and
# link_add_second after it for a second pair. What was made, and the processes in `probe_pid`, `tcpdump_pid` and
# `other_pids`, end with the script.
# shellcheck shell=bash disable=SC2034 # variables are for who sources it

# shellcheck source=tests/tcpdump.bash
. "$(dirname "${BASH_SOURCE[0]}")/tcpdump.bash"

space_a=ds-$$-a
space_b=ds-$$-b
link_a=ds$$a
link_b=ds$$b
link_c=ds$$c # of a second pair, beside link_a ...
link_d=ds$$d # ... and beside link_b
scratch=
probe_pid=
tcpdump_pid=
other_pids=
failures=0

skip()
{
    echo "SKIP: $*"
    exit 77
}

in_a()
{
    ip netns exec "$space_a" "$@"
}

in_b()
{
    ip netns exec "$space_b" "$@"
}

stop_process()
{
    if [ -n "$1" ] && kill "$1" 2>/dev/null; then
        wait "$1" 2>/dev/null || true
    fi
}

stop_others()
{
    local pid

    for pid in $other_pids; do
        stop_process "$pid"
    done
    other_pids=
}

link_clean_up()
{
    stop_process "$probe_pid"
    stop_others
    stop_process "$tcpdump_pid"
    ip netns del "$space_a" 2>/dev/null || true # takes the pair with it
    ip netns del "$space_b" 2>/dev/null || true
    [ -z "$scratch" ] || rm -rf "$scratch"
}

# check WHAT COMMAND...
check()
{
    local what=$1
    shift
    if "$@"; then
        echo "ok: $what"
    else
        echo "FAILED: $what ($*)"
        failures=$((failures + 1))
    fi
}

# check_end WHAT: the probe ends by itself, and well
check_end()
{
    local status=0

    wait "$probe_pid" || status=$?
    check "$1" [ $status = 0 ]
    probe_pid=
}

# contains FILE PATTERN, in capitals or not
contains()
{
    grep -qi -- "$2" "$1"
}

# wait_for SECONDS COMMAND...
wait_for()
{
    local tries=$(($1 * 10))
    shift
    until "$@"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.1
    done
}

make_namespace()
{
    ip netns add "$1" 2>/dev/null || skip "ip netns does not work here"
    # Without IPv6 the kernel sends nothing of its own.
    # shellcheck disable=SC2016 # $scope is for the inner shell
    ip netns exec "$1" sh -c '[ ! -e /proc/sys/net/ipv6 ] ||
        for scope in all default; do
            echo 1 > /proc/sys/net/ipv6/conf/$scope/disable_ipv6
        done' || skip "IPv6 cannot be turned off here"
}

make_link()
{
    ip link add "$link_a" netns "$space_a" type veth peer name "$link_b" netns "$space_b" 2>/dev/null || skip "no veth here"
    in_a ip link set "$link_a" up
    in_b ip link set "$link_b" up
}

link_add_second()
{
    ip link add "$link_c" netns "$space_a" type veth peer name "$link_d" netns "$space_b" || exit 1
    in_a ip link set "$link_c" up
    in_b ip link set "$link_d" up
}

link_set_up()
{
    local tool

    [ "$(id -u)" = 0 ] || skip "not root"
    for tool in ip "$@"; do
        command -v "$tool" > /dev/null || skip "no $tool"
    done
    trap link_clean_up EXIT
    trap 'exit 1' INT TERM
    scratch=$(mktemp -d) || exit 1
    make_namespace "$space_a"
    make_namespace "$space_b"
    make_link
}
