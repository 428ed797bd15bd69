#!/usr/bin/python3
"""Splits the flows of a file of `dayshift features --labels` in two, for training and for testing, so that what
was recorded together stays together.

  files   the captures of a class are dealt to the two halves, the one with most flows first, each to the half
          that has fewer; a class with one capture is in neither
  setups  where a capture is a class: its flows fall into setups, with silence of ten minutes between them; the
          first, third, ... are for training
"""

import argparse
import csv
import sys
from collections import defaultdict

SILENCE_NS = 600 * 10**9


def end_of(row):
    return int(row["start_ns"]) + int(float(row["duration"]) * 1e9)


def deal_files(rows):
    """Row -> half, of the rows of one class; none when it has one capture."""
    files = defaultdict(list)
    for row in rows:
        files[row["file"]].append(row)
    if len(files) < 2:
        return []
    halves = ([], [])
    for _, group in sorted(files.items(), key=lambda item: (-len(item[1]), item[0])):
        halves[len(halves[0]) > len(halves[1])].extend(group)
    return [(row, half) for half in (0, 1) for row in halves[half]]


def deal_setups(rows):
    dealt, setup, file, last_ns = [], -1, None, 0
    for row in sorted(rows, key=lambda row: (row["file"], int(row["start_ns"]))):
        if row["file"] != file or int(row["start_ns"]) > last_ns + SILENCE_NS:
            setup, file, last_ns = setup + 1, row["file"], 0
        last_ns = max(last_ns, end_of(row))
        dealt.append((row, setup % 2))
    return dealt


DEALERS = {"files": deal_files, "setups": deal_setups}


def split(rows, way):
    """(rows for training, rows for testing), each in order of file and start."""
    classes = defaultdict(list)
    for row in rows:
        if row["label"]:
            classes[row["label"]].append(row)
    halves = ([], [])
    for group in classes.values():
        for row, half in DEALERS[way](group):
            halves[half].append(row)
    for half in halves:
        half.sort(key=lambda row: (row["file"], int(row["start_ns"])))
    return halves


def write_rows(path, header, rows):
    with open(path, "w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        writer = csv.DictWriter(file, header, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("way", choices=sorted(DEALERS))
    parser.add_argument("all", metavar="ALL.csv")
    parser.add_argument("train", metavar="TRAIN.csv")
    parser.add_argument("test", metavar="TEST.csv")
    options = parser.parse_args(arguments)
    try:
        with open(options.all, newline="", encoding="utf-8", errors="surrogateescape") as file:
            reader = csv.DictReader(file)
            missing = {"file", "label", "start_ns", "duration"} - set(reader.fieldnames or [])
            if missing:
                raise ValueError(f"there is no column {min(missing)}: dayshift features writes such files")
            halves = split(reader, options.way)
        for path, rows in zip((options.train, options.test), halves):
            write_rows(path, reader.fieldnames, rows)
    except OSError as wrong:
        return f"split.py: {wrong.filename}: {wrong.strerror}"
    except (TypeError, ValueError) as wrong:
        return f"split.py: {options.all}: {wrong}"
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
