#!/usr/bin/env python3
"""usage: frame_places.py PLANNED CAPTURED [HOST]

How far frames were captured from their places in time. Both are Ethernet captures of the same frames: what dayshiftd -w
writes, and what the far end saw. The earliest arrival is the anchor, so that no error is below 0. Prints median, 99th
percentile and maximum in microseconds, and the share within a millisecond, of all frames, and of those from or for an
IPv4 HOST. Ends with 1 when the frames
are not the same, byte for byte and in order.
"""
import socket
import struct
import sys


def frames(path):
    with open(path, 'rb') as file:
        data = file.read()
    order = '<' if data[:4] in (b'\xd4\xc3\xb2\xa1', b'\x4d\x3c\xb2\xa1') else '>'
    unit = 1000 if struct.unpack_from(order + 'I', data)[0] == 0xa1b2c3d4 else 1
    at = 24
    while at + 16 <= len(data):
        seconds, fraction, captured, _ = struct.unpack_from(order + 'IIII', data, at)
        yield seconds * 10 ** 9 + fraction * unit, data[at + 16:at + 16 + captured]
        at += 16 + captured


def is_of(frame, host):
    ip = frame[18:] if frame[12:14] == b'\x81\x00' else frame[14:]
    return host in (ip[12:16], ip[16:20])


def show(name, errors):
    errors.sort()
    near = sum(error <= 1000000 for error in errors) / len(errors)
    places = [errors[int(len(errors) * share)] for share in (0.5, 0.99)] + [errors[-1]]
    print(f'{name}: {len(errors)} frames, ' + ', '.join(
        f'{what} {error / 1000:.1f} us' for what, error in zip(('p50', 'p99', 'max'), places)) + f', within 1 ms {near:.2%}')


def main():
    planned, captured = list(frames(sys.argv[1])), list(frames(sys.argv[2]))
    if [frame for _, frame in planned] != [frame for _, frame in captured]:
        sys.exit(f'frame_places.py: {len(planned)} and {len(captured)} frames, not the same')
    differences = [arrival - place for (place, _), (arrival, _) in zip(planned, captured)]
    errors = [difference - min(differences) for difference in differences]
    show('all', errors[:])
    if len(sys.argv) > 3:
        host = socket.inet_aton(sys.argv[3])
        show(sys.argv[3], [error for error, (_, frame) in zip(errors, planned) if is_of(frame, host)])


main()
