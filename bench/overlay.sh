#!/bin/bash
# How near to their places in time the frames of an overlay are captured, among a background and by themselves.
#
#     bench/overlay.sh        from the build directory, as root
#
# In two network namespaces made here, joined by a veth pair; nothing leaves them. Needs the Debian packages iproute2,
# tcpdump and python3. Prints a Markdown table: medians over ROUNDS rounds (5) of runs of 12 seconds, with an overlay of
# 5,000 frames that come at random, 500 a second. The place is what dayshiftd -w writes, and the anchor the frame that
# came earliest of all.
#
#     PRIORITY of who sends, real-time, 1 to 99 (0: none): where others use the machine as well
#     SPEED    of the day, for more or less background (20)
#     MODEL    a model file; without it one of contrib/sample.pcap.* is learned
set -eu

source_dir=$(cd "$(dirname "$0")/.." && pwd)
rounds=${ROUNDS:-5}
host=198.18.0.250

# shellcheck source=tests/link.sh
. "$source_dir/tests/link.sh"

# 5,000 UDP packets from one host to 50 others, of 28 to 1,000 bytes, with exponential gaps.
make_attack()
{
    python3 - "$1" << 'END'
import random, struct, sys

random.seed(20261122)
now = 1700000000.0
with open(sys.argv[1], 'wb') as file:
    file.write(struct.pack('<IHHiIII', 0xa1b23c4d, 2, 4, 0, 0, 65535, 101))
    for i in range(5000):
        size = random.randrange(28, 1001)
        ip = struct.pack('>BBHHHBBHII', 0x45, 0, size, i, 0, 64, 17, 0, 0x0a090909, 0x0a000001 + i % 50)
        total = sum(struct.unpack('>10H', ip))
        total = (total & 0xffff) + (total >> 16)
        ip = ip[:10] + struct.pack('>H', ~total & 0xffff) + ip[12:]
        packet = ip + struct.pack('>HHHH', 4000, 4001, size - 20, 0) + bytes(size - 28)
        file.write(struct.pack('<IIII', int(now), int(now % 1 * 1e9), size, size) + packet)
        now += random.expovariate(500)
END
}

# configure ACTIVITY SINK
configure()
{
    cat > "$scratch/overlay.conf" << END
interface = "$link_a"; control = ""; user = "nobody"; duration = "12s"; start = "2026-03-02 10:00"; speed = ${SPEED:-20};
sink = "$2"; priority = ${PRIORITY:-0}; probe = false; announce = false;
populations = ( { model = "$scratch/model.dsm"; network = "198.18.0.0/24"; hosts = 40; activity = $1; } );
overlays = ( { pcap = "$scratch/attack.pcap"; after = "1s"; map = (
    { from = "10.9.9.9"; to = "$host"; }, { from = "10.0.0.0/24"; to = "198.18.0.0/24"; } ); } );
END
}

has_all()
{
    [ "$(tcpdump -nr "$scratch/wire.pcap" 2> /dev/null | wc -l)" -ge "$(tcpdump -nr "$scratch/file.pcap" 2> /dev/null | wc -l)" ]
}

# round NAME: one run
round()
{
    ./dayshiftd -q -w "$scratch/file.pcap" -c "$scratch/overlay.conf" > /dev/null
    capture_frames "$space_b" "$link_b" "$scratch/wire.pcap" "$scratch/words" || { cat "$scratch/words" >&2; exit 1; }
    tcpdump_pid=$capture_pid
    in_a ./dayshiftd -q -c "$scratch/overlay.conf" > /dev/null
    wait_for 5 has_all || { echo "overlay.sh: frames were lost: is the machine busy?" >&2; exit 1; }
    stop_process "$tcpdump_pid"
    tcpdump_pid=
    "$source_dir/bench/frame_places.py" "$scratch/file.pcap" "$scratch/wire.pcap" "$host" > "$scratch/places"
    sed -nE "s/^all: ([0-9]+) .*/\\1/p" "$scratch/places" > "$scratch/all"
    sed -nE "s/^$host: [0-9]+ frames, p50 (.*) us, p99 (.*) us, max (.*) us, within 1 ms (.*)%/\\1 \\2 \\3 \\4/p" \
        "$scratch/places" | paste -d ' ' "$scratch/all" - >> "$scratch/rounds.$1"
}

median()
{
    sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# row NAME WHAT
row()
{
    local i

    printf '| %s |' "$2"
    for i in 1 2 3 4 5; do
        printf ' %s |' "$(cut -d ' ' -f $i "$scratch/rounds.$1" | median)"
    done
    echo
}

link_set_up tcpdump python3
[ -n "${MODEL:-}" ] || ./dayshift learn -q -o "$scratch/model.dsm" "$source_dir"/contrib/sample.pcap.*
[ -z "${MODEL:-}" ] || cp "$MODEL" "$scratch/model.dsm"
chmod 755 "$scratch"
make_attack "$scratch/attack.pcap"
for ((i = 0; i < rounds; i++)); do
    for sink in packet libnet; do
        configure 1 $sink
        round $sink
    done
    configure 0.001 packet
    round alone
done
echo "$rounds rounds, on $(nproc) processors; microseconds from their places, of the overlay's 5,000 frames."
printf '\n| sink | frames in all | p50 | p99 | max | within 1 ms, %% |\n|---|--:|--:|--:|--:|--:|\n'
# shellcheck disable=SC2016 # ` is Markdown
{
    row packet '`packet`, with a background'
    row libnet '`libnet`, with a background'
    row alone '`packet`, with next to none'
}
