#!/usr/bin/python3
"""Splits captures in two folders, for training and for testing, so that what was recorded together stays together.

    split.py files FEATURES.csv CAPTURES TRAIN TEST
    split.py setups CAPTURES TRAIN TEST

files: each capture goes to one of the folders, as a link, those with most flows first, each to where its classes
have fewer flows yet; FEATURES.csv is what `dayshift features --labels` wrote of CAPTURES. setups: for captures
that are classes of their own; each is cut where it is silent for ten minutes, and its first, third, ... piece is
for training. Only classic pcap files can be cut.
"""

import argparse
import csv
import os
import struct
import sys
from collections import Counter, defaultdict

SILENCE_S = 600
MAGICS = {0xA1B2C3D4, 0xA1B23C4D}  # microseconds, nanoseconds
FILE_HEADER_BYTES, PACKET_HEADER_BYTES = 24, 16
MAX_PACKET_BYTES = 1 << 18


def deal_files(rows):
    """Capture -> half, of flows with the columns file and label."""
    files = defaultdict(Counter)
    for row in rows:
        if row["label"]:
            files[row["file"]][row["label"]] += 1
    dealt = {}
    ahead = Counter()  # of a class: flows in the first half that the second lacks
    for file, flows in sorted(files.items(), key=lambda item: (-item[1].total(), item[0])):
        half = int(sum(count * ahead[label] for label, count in flows.items()) > 0)
        for label, count in flows.items():
            ahead[label] += -count if half else count
        dealt[file] = half
    return dealt


def packets_of(pcap, name):
    """(file header, [(seconds, bytes with their header)]) of a classic pcap file."""
    for order in "<>":
        if len(pcap) >= FILE_HEADER_BYTES and struct.unpack_from(order + "I", pcap)[0] in MAGICS:
            break
    else:
        raise ValueError(f"{name}: no classic pcap file")
    packets, at = [], FILE_HEADER_BYTES
    while at + PACKET_HEADER_BYTES <= len(pcap):
        seconds, _, captured, _ = struct.unpack_from(order + "4I", pcap, at)
        end = at + PACKET_HEADER_BYTES + captured
        if captured > MAX_PACKET_BYTES or end > len(pcap):
            raise ValueError(f"{name}: damaged at byte {at}")
        packets.append((seconds, pcap[at:end]))
        at = end
    return pcap[:FILE_HEADER_BYTES], packets


def cut_setups(packets):
    """The packets of either half."""
    halves, setup, last = ([], []), 0, None
    for seconds, packet in packets:
        if last is not None and abs(seconds - last) > SILENCE_S:
            setup += 1
        last = seconds
        halves[setup % 2].append(packet)
    return halves


def split_files(features, captures, folders):
    with open(features, newline="", encoding="utf-8", errors="surrogateescape") as file:
        reader = csv.DictReader(file)
        missing = {"file", "label"} - set(reader.fieldnames or [])
        if missing:
            raise ValueError(f"{features}: there is no column {min(missing)}: dayshift features writes such files")
        dealt = deal_files(reader)
    for name, half in dealt.items():
        os.symlink(os.path.realpath(os.path.join(captures, name)), os.path.join(folders[half], name))


def split_setups(captures, folders):
    for name in sorted(os.listdir(captures)):
        if not name.endswith(".pcap"):
            continue
        with open(os.path.join(captures, name), "rb") as file:
            header, packets = packets_of(file.read(), name)
        for folder, half in zip(folders, cut_setups(packets)):
            if half:
                with open(os.path.join(folder, name), "wb") as file:
                    file.write(header + b"".join(half))


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ways = parser.add_subparsers(dest="way", required=True)
    for way in "files", "setups":
        own = ways.add_parser(way)
        if way == "files":
            own.add_argument("features", metavar="FEATURES.csv")
        for folder in "captures", "train", "test":
            own.add_argument(folder, metavar=folder.upper())
    options = parser.parse_args(arguments)
    folders = (options.train, options.test)
    try:
        for folder in folders:
            os.mkdir(folder)
        if options.way == "files":
            split_files(options.features, options.captures, folders)
        else:
            split_setups(options.captures, folders)
    except OSError as wrong:
        return f"split.py: {wrong.filename}: {wrong.strerror}"
    except ValueError as wrong:
        return f"split.py: {wrong}"
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
