#!/usr/bin/python3
"""Prints what judge.py --json said of several tasks as one table: a line for the files of one name, by that name.

Files of one name are of folds of one task: their means are shown, and as +- their standard deviation; of one file
alone, that of its seeds.
"""

import json
import os
import statistics
import sys


def number(digits, *keys):
    """Shows the mean over the files of what stands under these keys."""
    def show(files):
        return f"{statistics.mean(look_up(found, keys) for found in files):.{digits}f}"
    return show


def look_up(found, keys):
    for key in keys:
        found = found[key]
    return found


def show_spread(*keys):
    """Shows mean and deviation of what stands under these keys."""
    def show(files):
        means = [look_up(found, keys)["mean"] for found in files]
        deviation = statistics.pstdev(means) if len(means) > 1 else look_up(files[0], keys)["sd"]
        return f"{statistics.mean(means):.3f} +-{deviation:.3f}"
    return show


def show_ratio(files):
    ratios = [found["tstr_ratio"] for found in files]
    return f"{statistics.mean(ratios):.3f}" + (f" +-{statistics.pstdev(ratios):.3f}" if len(ratios) > 1 else "")


COLUMNS = (
    ("folds", lambda files: str(len(files))),
    ("classes", number(0, "classes")),
    ("flows", lambda files: "/".join(number(0, "flows", kind)(files) for kind in ("train", "test", "synthetic"))),
    ("F1 real", number(3, "f1", "real", "mean")),
    ("resampled", number(3, "f1", "resampled", "mean")),
    ("F1 synthetic", show_spread("f1", "synthetic")),
    ("ratio", show_ratio),
    ("AUC resampled", number(3, "auc", "resampled", "mean")),
    ("AUC synthetic", show_spread("auc", "synthetic")),
    ("copies held out", number(2, "copies", "held_out", "share")),
    ("copies synthetic", number(2, "copies", "synthetic", "share")),
)


def read_tasks(paths):
    """What was found of each task, in the order of the paths."""
    tasks = {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            tasks.setdefault(os.path.basename(path).removesuffix(".json"), []).append(json.load(file))
    return tasks


def main(paths):
    if not paths or paths[0].startswith("-"):
        print("usage: table.py FILE.json...")
        return 0 if paths else 2
    try:
        rows = [["task"] + [name for name, _ in COLUMNS]]
        rows += [[task] + [show(files) for _, show in COLUMNS] for task, files in read_tasks(paths).items()]
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
