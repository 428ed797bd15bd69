#!/usr/bin/python3
"""Prints what judge.py --json said of several tasks as one table, a line a file, named by the file."""

import json
import os
import sys

COLUMNS = (
    ("classes", lambda found: f"{found['classes']}"),
    ("flows", lambda found: f"{found['flows']['train']}/{found['flows']['test']}/{found['flows']['synthetic']}"),
    ("F1 real", lambda found: f"{found['f1']['real']['mean']:.3f}"),
    ("resampled", lambda found: f"{found['f1']['resampled']['mean']:.3f}"),
    ("F1 synthetic", lambda found: "{mean:.3f} +-{sd:.3f}".format(**found["f1"]["synthetic"])),
    ("ratio", lambda found: f"{found['tstr_ratio']:.3f}"),
    ("AUC resampled", lambda found: f"{found['auc']['resampled']['mean']:.3f}"),
    ("AUC synthetic", lambda found: "{mean:.3f} +-{sd:.3f}".format(**found["auc"]["synthetic"])),
    ("copies held out", lambda found: f"{found['copies']['held_out']['share']:.2f}"),
    ("copies synthetic", lambda found: f"{found['copies']['synthetic']['share']:.2f}"),
)


def read_line(path):
    with open(path, encoding="utf-8") as file:
        found = json.load(file)
    name = os.path.basename(path)
    return [name.removesuffix(".json")] + [show(found) for _, show in COLUMNS]


def main(paths):
    if not paths or paths[0].startswith("-"):
        print("usage: table.py FILE.json...")
        return 0 if paths else 2
    try:
        rows = [["task"] + [name for name, _ in COLUMNS]] + [read_line(path) for path in paths]
    except OSError as wrong:
        return f"table.py: {wrong.filename}: {wrong.strerror}"
    except (KeyError, TypeError, ValueError) as wrong:
        return f"table.py: a file is not what judge.py --json writes: {wrong}"
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join([row[0].ljust(widths[0])] + [text.rjust(width) for text, width in zip(row[1:], widths[1:])]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
