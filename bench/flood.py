#!/usr/bin/env python3
"""usage: flood.py KIND PACKETS > PCAP

Writes a pcap that strains a learner's memory. KIND: `scan` (one local host sends a SYN to a new address each
time), `syn-flood` (a SYN from a new outside address and port each time to one local host), `sources` (a
datagram from a new local address each time), `ports` (one local host, a new responder port and peer each time).
"""
import struct
import sys

KINDS = ('scan', 'syn-flood', 'sources', 'ports')
HOST = 10 << 24 | 1


def packet(source, destination, sport, dport, tcp):
    if tcp:
        transport = struct.pack('!HHIIBBHHH', sport, dport, 1, 0, 0x50, 2, 1024, 0, 0)
    else:
        transport = struct.pack('!HHHH', sport, dport, 8 + 32, 0) + bytes(32)
    ip = struct.pack('!BBHHHBBHII', 0x45, 0, 20 + len(transport), 0, 0, 64, 6 if tcp else 17, 0, source, destination)
    return bytes(12) + b'\x08\x00' + ip + transport


def flood(kind, i):
    if kind == 'scan':
        return packet(HOST, 0x14000000 + i, 40000 + i % 20000, 22, True)
    if kind == 'syn-flood':
        return packet(0x14000000 + i, HOST, 1024 + i % 60000, 80, True)
    if kind == 'sources':
        return packet(10 << 24 | (i * 7 + 2) & 0xffffff, HOST, 1024 + i % 60000, 53, False)
    return packet(HOST, 0x14000000 + i // 64, 40000, 1 + i % 65535, False)


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in KINDS:
        sys.exit(__doc__)
    out = sys.stdout.buffer
    out.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
    for i in range(int(sys.argv[2])):
        frame = flood(sys.argv[1], i)
        out.write(struct.pack('<IIII', 1600000000 + i // 20000, i % 20000 * 50, len(frame), len(frame)) + frame)


main()
