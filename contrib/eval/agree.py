#!/usr/bin/python3
"""Whether another program finds in a capture the TCP sessions that the ground truth says are in it.

    agree.py TRUTH tshark FIELDS      of tshark -T fields -e ... with the columns of TSHARK_FIELDS
    agree.py TRUTH tcptrace CSV       of tcptrace -n -l --csv
    agree.py TRUTH suricata EVE       of Suricata's eve.json with flow events
    agree.py fields                   prints the options for tshark

Prints how many sessions agree, then the first that do not; exit code 1 if there are any. Compared are, by side, the
packets, the bytes and the SYNs, FINs and RSTs. What the truth has as several flows is one connection for the others, if
only the first of them has a SYN. What each program tells, and where it counts in its own way:

    tshark    packets, IP bytes; SYN, FIN and RST
    tcptrace  packets, payload bytes (those of tshark, when --payload FIELDS is given); SYN, FIN and RST
    suricata  packets, Ethernet bytes (14 a packet more than IP's); flags. Complete: the flow's state is "closed", and both
              sides sent a FIN; told apart are those where TCP's is not, for want of an ACK of the last FIN. Only those that
              are complete by the truth are compared: Suricata does not follow a connection whose beginning it did not see
"""
import collections
import csv
import json
import sys

TSHARK_FIELDS = ("tcp.stream", "ip.src", "tcp.srcport", "ip.dst", "tcp.dstport", "ip.len", "tcp.len", "tcp.flags")
FIN, SYN, RST = 1, 2, 4
LISTED = 10


class Connection:
    """Packets, bytes, payload and flags of the two sides; the initiator is first."""

    def __init__(self, ends):
        self.ends = ends
        self.packets, self.bytes, self.payload, self.flags = [0, 0], [0, 0], [0, 0], [0, 0]
        self.is_complete = False
        self.is_acknowledged = True  # the last FIN, if it is complete

    def add(self, side, packets, size, payload, flags):
        self.packets[side] += packets
        self.bytes[side] += size
        self.payload[side] += payload
        self.flags[side] |= flags

    def judge(self):
        """Complete as far as the flags tell."""
        self.is_complete = all(flags & SYN and flags & FIN for flags in self.flags)

    def turned(self):
        other = Connection((self.ends[2], self.ends[3], self.ends[0], self.ends[1]))
        for name in ("packets", "bytes", "payload", "flags"):
            setattr(other, name, getattr(self, name)[::-1])
        other.is_complete = self.is_complete
        other.is_acknowledged = self.is_acknowledged
        return other


def flags_of_text(text):
    return FIN * ("F" in text) | SYN * ("S" in text) | RST * ("R" in text)


def read_truth(path):
    """By ends, in the order of time; a flow without a SYN goes on with the connection before it."""
    found = collections.defaultdict(list)
    with open(path, newline="", encoding="ascii") as file:
        rows = sorted((row for row in csv.DictReader(file) if row["pr"] == "TCP"), key=lambda row: row["ts"])
    for row in rows:
        ends = (row["sa"], int(row["sp"]), row["da"], int(row["dp"]))
        flags = flags_of_text(row["flg"]), flags_of_text(row["oflg"])
        if (flags[0] | flags[1]) & SYN or not found[ends]:
            found[ends].append(Connection(ends))
        connection = found[ends][-1]
        connection.add(0, int(row["ipkt"]), int(row["ibyt"]), 0, flags[0])
        connection.add(1, int(row["opkt"]), int(row["obyt"]), 0, flags[1])
        connection.is_complete = connection.is_complete or row["state"] == "SF"
    return found


def read_tshark(path):
    streams = {}
    with open(path, encoding="ascii") as file:
        for line in file:
            stream, source, port, target, target_port, size, payload, flags = line.rstrip("\n").split("\t")
            ends = (source, int(port), target, int(target_port))
            connection = streams.setdefault(stream, Connection(ends))
            side = 0 if connection.ends == ends else 1
            connection.add(side, 1, int(size), int(payload or 0), int(flags, 16) & (FIN | SYN | RST))
    for connection in streams.values():
        connection.judge()
    return streams.values()


def read_tcptrace(path):
    found = []
    with open(path, encoding="ascii") as file:
        lines = [line for line in file if line.strip() and not line.startswith("#")]
    for row in csv.DictReader(lines, skipinitialspace=True):
        row = {name.strip(): (value or "").strip() for name, value in row.items() if name}
        connection = Connection((row["host_a"], int(row["port_a"]), row["host_b"], int(row["port_b"])))
        for side, way in enumerate(("a2b", "b2a")):
            syns, fins = row[f"SYN/FIN_pkts_sent_{way}"].split("/")
            flags = SYN * (int(syns) > 0) | FIN * (int(fins) > 0) | RST * (int(row[f"resets_sent_{way}"]) > 0)
            connection.add(side, int(row[f"total_packets_{way}"]), 0, int(row[f"actual_data_bytes_{way}"]), flags)
        connection.judge()
        found.append(connection)
    return found


def read_suricata(path):
    events = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            if '"event_type":"flow"' in line:
                events.append(json.loads(line))
    found = []
    for event in sorted(events, key=lambda event: event["flow"]["start"]):
        if event["proto"] != "TCP" or "tcp" not in event:
            continue
        connection = Connection((event["src_ip"], event["src_port"], event["dest_ip"], event["dest_port"]))
        for side, way in enumerate(("server", "client")):
            flags = int(event["tcp"].get("tcp_flags_ts" if side == 0 else "tcp_flags_tc", "0"), 16)
            packets = event["flow"]["pkts_to" + way]
            connection.add(side, packets, event["flow"]["bytes_to" + way] - 14 * packets, 0, flags & (FIN | SYN | RST))
        connection.judge()
        connection.is_complete = connection.is_complete and event["flow"]["state"] == "closed"
        connection.is_acknowledged = event["tcp"].get("state") == "closed"
        found.append(connection)
    return found


READERS = {"tshark": (read_tshark, ("packets", "bytes")), "tcptrace": (read_tcptrace, ("packets", "payload")),
           "suricata": (read_suricata, ("packets", "bytes"))}
ONLY_COMPLETE = ("suricata",)


def by_ends(connections, truth):
    """In the order in which they come; as the truth has the sides."""
    found = collections.defaultdict(list)
    for connection in connections:
        turned = connection.turned()
        if connection.ends not in truth and turned.ends in truth:
            connection = turned
        found[connection.ends].append(connection)
    return found


def differences(real, seen, compared):
    for name in (*compared, "flags", "is_complete"):
        if getattr(real, name) != getattr(seen, name):
            yield f"{name} {getattr(real, name)}, found {getattr(seen, name)}"


def compare(truth, found, compared, only_complete):
    """Lines that say what is different."""
    for ends in sorted(truth.keys() | found.keys()):
        name = f"{ends[0]}:{ends[1]} > {ends[2]}:{ends[3]}"
        real, seen = truth.get(ends, []), found.get(ends, [])
        if only_complete and not any(one.is_complete for one in real):
            continue
        if len(real) != len(seen):
            yield f"{name}: {len(real)} connections, found {len(seen)}"
            continue
        for one, other in zip(real, seen):
            if only_complete and not one.is_complete:
                continue
            wrong = "; ".join(differences(one, other, compared))
            if wrong:
                yield f"{name}: {wrong}"


def main(arguments):
    payload = None
    if arguments == ["fields"]:
        print(" ".join(f"-e {field}" for field in TSHARK_FIELDS))
        return 0
    if len(arguments) == 5 and arguments[3] == "--payload":
        payload = arguments[4]
        arguments = arguments[:3]
    if len(arguments) != 3 or arguments[1] not in READERS:
        print("usage: agree.py TRUTH tshark|tcptrace|suricata FILE [--payload FIELDS]", file=sys.stderr)
        return 2
    read, compared = READERS[arguments[1]]
    truth = read_truth(arguments[0])
    if payload:
        truth_of_payload = by_ends(read_tshark(payload), truth)
        for ends, connections in truth.items():
            for real, seen in zip(connections, truth_of_payload.get(ends, [])):
                real.payload = seen.payload
    elif "payload" in compared:
        compared = ("packets",)
    found = by_ends(read(arguments[2]), truth)
    wrong = list(compare(truth, found, compared, arguments[1] in ONLY_COMPLETE))
    hanging = sum(each.is_complete and not each.is_acknowledged for several in found.values() for each in several)
    connections = sum(len(each) for each in truth.values())
    complete = sum(each.is_complete for several in truth.values() for each in several)
    print(f"{arguments[1]}: {connections} TCP connections, {complete} complete, {hanging} unacknowledged; {len(wrong)} differ")
    for line in wrong[:LISTED]:
        print(f"  {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
