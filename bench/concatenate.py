#!/usr/bin/env python3
"""usage: concatenate.py OUT FRAMES CAPTURE...

Writes one Ethernet pcap of at least FRAMES frames: the captures one after the other, as often as needed.
Each begins a second after the one before it ended; silences of more than ten minutes inside a capture are cut to
that. Reads what `editcap -F pcap` writes (little-endian, microseconds); others are left out.
"""
import struct
import sys

LONGEST_SILENCE = 600.0


def frames(path):
    with open(path, 'rb') as file:
        data = file.read()
    magic, _, _, _, _, _, link = struct.unpack_from('<IHHiIII', data)
    if magic != 0xa1b2c3d4 or link != 1:
        return
    at = 24
    while at + 16 <= len(data):
        seconds, us, captured, original = struct.unpack_from('<IIII', data, at)
        yield seconds + us / 1e6, data[at + 8:at + 16 + captured]
        at += 16 + captured


def main():
    out, wanted, paths = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    written = 0
    now = 1600000000.0
    with open(out, 'wb') as file:
        file.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
        while written < wanted:
            before_round = written
            for path in paths:
                last = None
                for time, rest in frames(path):
                    step = 1.0 if last is None else min(max(time - last, 0.0), LONGEST_SILENCE)
                    now += step
                    last = time if last is None else max(time, last)
                    file.write(struct.pack('<II', int(now), int(now % 1 * 1e6)) + rest)
                    written += 1
            if written == before_round:
                sys.exit('concatenate.py: no frames in these captures')
    print(written)


main()
