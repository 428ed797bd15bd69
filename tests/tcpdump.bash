# tcpdump.bash - captures that lose nothing, for scripts that compare what was sent with what arrived.
# shellcheck shell=bash disable=SC2034 # capture_pid is for who sources it

# capture_frames NAMESPACE LINK FILE WORDS [ARGUMENT...]: tcpdump there, into FILE, until `capture_pid` is ended; what it
# says goes to WORDS. Returns when it listens; 1 when it never does.
#
# A slot of libpcap's ring is as long as the longest frame it may take, which is 256 KiB where nothing else is said: 256
# slots in 64 MiB. With 1,600 bytes they are 32,768. Another -s, among the arguments, comes after it.
capture_frames()
{
    local space=$1 link=$2 file=$3 words=$4 tries
    shift 4

    : > "$words"
    # Not through a function: the process id would be that of a shell around it.
    ip netns exec "$space" tcpdump --immediate-mode --nano -U -n -B 65536 -s 1600 -i "$link" -w "$file" "$@" \
        2> "$words" 3>&- &
    capture_pid=$!
    for ((tries = 100; tries > 0; tries--)); do
        ! grep -q "listening on" "$words" || return 0
        sleep 0.1
    done
    return 1
}
