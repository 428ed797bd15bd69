#!/usr/bin/env python3
"""Did every host send what the log of flows says, on its link, with its tag and its MAC?

    frames_by_sender.py LOG LINK=PCAP... [--mac=ADDRESS=MAC]...

LOG is the `truth` of dayshiftd, as CSV; PCAP what arrived at the far end of LINK: Ethernet, IPv4 or IPv6. Counts the packets
of every sender by link, VLAN and address in both; ICMP errors, which are of no flow, only in all. A sender has one MAC.
--mac: ADDRESS has that one. Prints what differs, and how many senders there are. Ends with 1 when anything does,
and when there are none.
"""
import collections
import csv
import ipaddress
import struct
import sys

VLAN, IPV4, IPV6, ICMP, ICMPV6 = 0x8100, 0x0800, 0x86dd, 1, 58
PCAP_MAGICS = struct.pack("<I", 0xA1B2C3D4), struct.pack("<I", 0xA1B23C4D)  # microseconds, nanoseconds


def frames(path):
    with open(path, "rb") as file:
        data = file.read()
    if data[:4] not in PCAP_MAGICS:
        sys.exit(f"frames_by_sender.py: {path}: no little-endian pcap: it begins with {data[:4].hex() or 'nothing'}")
    at = 24
    while at + 16 <= len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        yield data[at + 16 : at + 16 + size]
        at += 16 + size


def sender(frame):
    """(VLAN, address, MAC, whether it is an ICMP error)"""
    kind, vlan, at = int.from_bytes(frame[12:14], "big"), "", 14
    if kind == VLAN:
        vlan, kind, at = str(int.from_bytes(frame[14:16], "big") & 0xFFF), int.from_bytes(frame[16:18], "big"), 18
    ip = frame[at:]
    if kind == IPV4:
        address, protocol, icmp = ip[12:16], ip[9], ip[(ip[0] & 15) * 4 :]
        is_error = protocol == ICMP and icmp[0] in (3, 11, 12)
    elif kind == IPV6:
        address, protocol, icmp = ip[8:24], ip[6], ip[40:]
        is_error = protocol == ICMPV6 and icmp[0] < 128
    else:
        sys.exit(f"frames_by_sender.py: a frame of type {kind:#06x}")
    return vlan, str(ipaddress.ip_address(address)), frame[6:12].hex(":"), is_error


def main():
    logged, captured, macs = collections.Counter(), collections.Counter(), collections.defaultdict(set)
    logged_errors = captured_errors = 0
    wrong = []
    for row in csv.DictReader(open(sys.argv[1])):
        logged_errors += int(row["errors"])
        for end, packets in (("s", "ipkt"), ("d", "opkt")):
            if int(row[packets]) > 0:
                logged[row[end + "link"], row[end + "vlan"], row[end + "a"]] += int(row[packets])
    for argument in (argument for argument in sys.argv[2:] if not argument.startswith("--mac=")):
        link, path = argument.split("=")
        for frame in frames(path):
            vlan, address, mac, is_error = sender(frame)
            captured_errors += is_error
            captured[link, vlan, address] += not is_error
            macs[address].add(mac)
    for key in logged.keys() | captured.keys():
        if logged[key] != captured[key]:
            wrong.append(f"link {key[0]}, VLAN {key[1] or 'none'}, {key[2]}: {logged[key]} logged, {captured[key]} captured")
    if logged_errors != captured_errors:
        wrong.append(f"ICMP errors: {logged_errors} logged, {captured_errors} captured")
    wrong += [f"{address}: MACs {' '.join(sorted(seen))}" for address, seen in macs.items() if len(seen) > 1]
    for argument in sys.argv[2:]:
        if argument.startswith("--mac="):
            _, address, mac = argument.split("=")
            if macs[address] != {mac}:
                wrong.append(f"{address}: MACs {' '.join(sorted(macs[address]))}, not {mac}")
    print("\n".join(wrong + [f"{len(logged)} senders"]))
    sys.exit(1 if wrong or not logged else 0)


main()
