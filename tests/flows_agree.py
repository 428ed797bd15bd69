#!/usr/bin/env python3
"""Does a log of what was sent agree with a capture of it, flow by flow?

    flows_agree.py LOG PCAP [--late US] [--missing N] [--unsent N] [--cut]

LOG is the `truth` of dayshiftd or of dayshift, CSV or JSON lines; PCAP what arrived: Ethernet, IPv4 or IPv6. Every packet
of the capture has to be of a flow of the log with its ends, and every flow has to have its packets, bytes and TCP flags each
way, its ICMP errors, and begin and end when its first and last packets were seen: within US microseconds (default 1000, the
clocks of log and capture being the same). Flows of the log that have the same ends and are not apart in time are
added up: a capture cannot tell them from one another; others of TCP have the state that the order of their packets makes.
Prints what is wrong, and how much agrees. --missing: in so many flows the log may lack packets of the capture, as when who
sends was killed between sending and counting. --unsent: so many frames may have been made and not sent, in all; else
none. --cut: sending may have ended before a flow did, and what of that one was made and not sent is not looked at.
"""
import argparse
import calendar
import collections
import csv
import json
import struct
import sys
import time

TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
NAMES = {"TCP": TCP, "UDP": UDP, "ICMP": ICMP, "ICMP6": ICMPV6}
FLAGS = "FSRPAUEC"
FIN, SYN, RST = 1, 2, 4
MOST_UNSENT = 1 << 32  # of a line; what is more was subtracted from too little

# One line of the log. Sides are those of the initiator and of the responder, each (packets, bytes, flags or None).
Line = collections.namedtuple("Line", "protocol ends start end sides errors state unsent cut")


class Flow:
    """Of the log, or what the capture has of it. Sides are sorted by their ends."""

    def __init__(self):
        self.packets, self.bytes, self.flags = [0, 0], [0, 0], [0, 0]
        self.errors = 0
        self.first = self.last = None
        self.states = []  # of the log: of each line, and who began: the side
        self.initiator = None
        self.ending, self.closing = None, None

    def see(self, first, last):
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)

    def add(self, side, packets, size, flags):
        self.packets[side] += packets
        self.bytes[side] += size
        self.flags[side] |= flags

    def see_ending(self, side, flags):
        """Behind add(): the first FIN, or a RST before both sides have sent a FIN."""
        if flags & RST and self.ending != RST and not (self.ending == FIN and self.flags[0] & self.flags[1] & FIN):
            self.ending, self.closing = RST, side
        elif flags & FIN and self.ending is None:
            self.ending, self.closing = FIN, side

    def state(self, initiator):
        """What Zeek would call it, of TCP."""
        first, second = self.flags[initiator], self.flags[1 - initiator]
        by_first = self.closing == initiator
        if not first & SYN:
            return "OTH"
        if not second & SYN:
            return {None: "S0", FIN: "SH", RST: "RSTOS0" if by_first else "REJ"}[self.ending]
        if self.ending == RST:
            return "RSTO" if by_first else "RSTR"
        if first & second & FIN:
            return "SF"
        return "S1" if self.ending is None else "S2" if by_first else "S3"


def address(data):
    import ipaddress  # only what is printed

    return str(ipaddress.ip_address(data))


def key_of(protocol, ends):
    """Ends sorted, so that both directions have one; and whether they were turned."""
    turned = ends[0] > ends[1]
    return (protocol, *(reversed(ends) if turned else ends)), turned


def echo_ends(source, destination, identifier, is_request):
    """As the log has a ping: who asks has the identifier."""
    return ((source, identifier), (destination, -1)) if is_request else ((source, -1), (destination, identifier))


def microseconds(text):
    whole, _, part = text.partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%d %H:%M:%S")) * 1000000 + int(part.ljust(6, "0"))


def flags_of(text):
    return sum(1 << FLAGS.index(letter) for letter in text if letter in FLAGS)


def read_csv(path):
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            assert None not in row and None not in row.values(), row
            protocol = NAMES.get(row["pr"]) or int(row["pr"])
            is_ping = protocol in (ICMP, ICMPV6)
            ends = ((row["sa"], int(row["sp"])), (row["da"], -1 if is_ping else int(row["dp"])))
            yield Line(protocol, ends, microseconds(row["ts"]), microseconds(row["te"]),
                       ((int(row["ipkt"]), int(row["ibyt"]), flags_of(row["flg"])),
                        (int(row["opkt"]), int(row["obyt"]), flags_of(row["oflg"]))),
                       int(row["errors"]), row["state"], int(row["unsent"]), int(row["cut"]))


def read_json(path):
    names = {"tcp": TCP, "udp": UDP}
    with open(path, encoding="utf-8") as file:
        for line in file:
            o = json.loads(line)
            ends = ((o["id.orig_h"], o["id.orig_p"]), (o["id.resp_h"], o["id.resp_p"]))
            protocol = names.get(o["proto"]) or (ICMPV6 if ":" in o["id.orig_h"] else ICMP)
            if "icmp_id" in o:
                ends = ((o["id.orig_h"], o["icmp_id"]), (o["id.resp_h"], -1))
            start = round(o["ts"] * 1e6)
            yield Line(protocol, ends, start, start + round(o["duration"] * 1e6),
                       ((o["orig_pkts"], o["orig_ip_bytes"], None), (o["resp_pkts"], o["resp_ip_bytes"], None)),
                       o["errors"], o["conn_state"] if protocol == TCP else "", o["unsent"], o["cut"])


def read_log(path):
    """Flows by their ends, in order of time; those that are not apart are one. And the lines."""
    found = collections.defaultdict(list)
    lines = sorted((read_json if path.endswith(".json") else read_csv)(path), key=lambda line: line.start)
    for line in lines:
        key, turned = key_of(line.protocol, line.ends)
        flows = found[key]
        if not flows or flows[-1].last + 2000 < line.start:
            flows.append(Flow())
        flow = flows[-1]
        flow.see(line.start, line.end)
        flow.errors += line.errors
        flow.states.append(line.state)
        flow.initiator = int(turned)
        for side, (packets, size, flags) in enumerate(line.sides):
            flow.add(side ^ turned, packets, size, flags or 0)
    return found, lines


def frames(path):
    """In order of time: files of two links may have been joined."""
    with open(path, "rb") as file:
        data = file.read()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    unit = 1 if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4") else 1000
    at, found = 24, []
    while at + 16 <= len(data):
        seconds, part, size, _ = struct.unpack_from(order + "IIII", data, at)
        found.append((seconds, part, at + 16, size))
        at += 16 + size
    for seconds, part, at, size in sorted(found, key=lambda frame: frame[:2]):
        yield seconds * 1000000 + part // unit, data[at:at + size]


class Pieces:
    """Later fragments have no ports: those of the first are remembered."""

    def __init__(self):
        self.known = {}

    def ends_of(self, ip, first, protocol, source, destination, identification, transport):
        name = (source, destination, protocol, identification)
        if not first:
            return self.known[name]
        if protocol in (TCP, UDP):
            ports = struct.unpack_from(">HH", transport)
            ends = (source, ports[0]), (destination, ports[1])
        elif protocol in (ICMP, ICMPV6) and transport[0] in (8, 0, 128, 129):
            ends = echo_ends(source, destination, struct.unpack_from(">H", transport, 4)[0], transport[0] in (8, 128))
        else:
            ends = (source, 0), (destination, 0)
        self.known[name] = ends
        return ends


def read_ip(ip):
    """Protocol, ends, length, identification, whether it is a first piece, what is behind the headers."""
    if ip[0] >> 4 == 4:
        size, identification, offset = struct.unpack_from(">HHH", ip, 2)
        header = (ip[0] & 15) * 4
        return ip[9], address(ip[12:16]), address(ip[16:20]), size, identification, offset & 0x1fff == 0, ip[header:]
    following, header, first, identification = ip[6], 40, True, 0
    if following == 44:
        following = ip[40]
        first = struct.unpack_from(">H", ip, 42)[0] & 0xfff8 == 0
        identification = struct.unpack_from(">I", ip, 44)[0]
        header = 48
    return following, address(ip[8:24]), address(ip[24:40]), 40 + struct.unpack_from(">H", ip, 4)[0], identification, \
        first, ip[header:]


def is_error(protocol, transport):
    return protocol == ICMP and transport[0] == 3 and transport[1] != 4 or protocol == ICMPV6 and transport[0] == 1


def packets(path):
    """(microseconds, key, side, bytes, flags), or side None: an error about that flow."""
    pieces = Pieces()
    for when, frame in frames(path):
        at = 18 if frame[12:14] == b"\x81\x00" else 14
        if frame[at - 2:at] not in (b"\x08\x00", b"\x86\xdd"):
            continue
        ip = frame[at:]
        protocol, source, destination, size, identification, first, transport = read_ip(ip)
        if first and is_error(protocol, transport):
            protocol, source, destination, _, identification, first, transport = read_ip(transport[8:])
            ends = pieces.ends_of(ip, first, protocol, source, destination, identification, transport)
            yield when, key_of(protocol, ends)[0], None, 0, 0
            continue
        ends = pieces.ends_of(ip, first, protocol, source, destination, identification, transport)
        key, turned = key_of(protocol, ends)
        yield when, key, int(turned), size, transport[13] if protocol == TCP and first else 0


def read_capture(path, log):
    """What the capture has of each flow of the log; and what it has beside."""
    found, strangers = {}, collections.Counter()
    for when, key, side, size, flags in packets(path):
        flows = log.get(key, [])
        if not flows:
            strangers[key] += 1
            continue
        begun = [i for i, flow in enumerate(flows) if flow.first <= when + 1000]
        flow = found.setdefault((key, begun[-1] if begun else 0), Flow())
        if side is None:
            flow.errors += 1
        else:
            flow.add(side, 1, size, flags)
            flow.see_ending(side, flags)
            flow.see(when, when)
    return found, strangers


def complaints(real, seen, late, has_flags):
    for name in ("packets", "bytes", "errors") + (("flags",) if has_flags else ()):
        if getattr(real, name) != getattr(seen, name):
            yield "%s %s, in the capture %s" % (name, getattr(real, name), getattr(seen, name))
    if seen.first is not None and max(abs(seen.first - real.first), abs(seen.last - real.last)) > late:
        yield "seen %d us after its start and %d us after its end" % (seen.first - real.first, seen.last - real.last)


def wrong_state(protocol, real, seen):
    """Of what has one line."""
    if len(real.states) == 1:
        state = seen.state(real.initiator) if protocol == TCP else ""
        if real.states[0] != state:
            yield "state %s, in the capture %s" % (real.states[0] or "none", state or "none")


def wrong_lines(lines, most_unsent, may_be_cut):
    """Cut, or more frames were made and not sent than there can be."""
    for line in lines:
        if not 0 <= line.unsent < MOST_UNSENT:
            yield "%s: unsent %d" % (line.ends, line.unsent)
        if line.cut and not may_be_cut:
            yield "%s: cut" % (line.ends,)
    unsent = sum(line.unsent for line in lines if not line.cut)
    if unsent > most_unsent:
        yield "unsent %d in all, at most %d were made and not sent" % (unsent, most_unsent)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("log")
    parser.add_argument("pcap")
    parser.add_argument("--late", type=int, default=1000)
    parser.add_argument("--missing", type=int, default=0)
    parser.add_argument("--unsent", type=int, default=0)
    parser.add_argument("--cut", action="store_true")
    o = parser.parse_args()
    log, lines = read_log(o.log)
    seen, strangers = read_capture(o.pcap, log)
    wrong = ["%s: in the capture alone, %d packets" % (key, count) for key, count in strangers.items()]
    wrong += wrong_lines(lines, o.unsent, o.cut)
    flows = 0
    for key, several in log.items():
        for i, real in enumerate(several):
            flows += 1
            there = seen.get((key, i), Flow())
            what = list(complaints(real, there, o.late, not o.log.endswith(".json")))
            what += wrong_state(key[0], real, there)
            if what:
                wrong.append("%s: %s" % (key, "; ".join(what)))
    for line in wrong[:20]:
        print(line)
    print("%d lines, %d flows, %d packets: %d disagree" %
          (len(lines), flows, sum(sum(flow.packets) + flow.errors for flow in seen.values()), len(wrong)))
    return 1 if len(wrong) > o.missing or flows == 0 else 0


sys.exit(main())
