#!/usr/bin/python3
"""Judges synthetic flows by what a random forest learns from them, and by whether it tells them from real ones.

Reads three files of `dayshift features --labels`: real flows that were learned, real flows that were held out,
and synthetic flows. Prints

  * macro-F1 on the held-out real flows of a forest trained on the real flows, on as many of them drawn again
    with replacement (what a generator of perfect flows, each for itself, would reach), and on synthetic flows
    (TSTR, "train on synthetic, test on real"), with its ratio to the first;
  * the AUC of a forest that is to tell synthetic from held-out real flows (0.5: it cannot), cross-validated,
    on equally many flows of each class; and the same of the flows that were learned, drawn again;
  * copies: of the flows with more than 8 data packets, the share whose sequence of (direction, payload length)
    is that of a flow that was learned; the same for held-out real flows, which nobody copied.

All is repeated with several seeds: mean and standard deviation. A class with too few real flows is left out.
"""

import argparse
import csv
import json
import sys
from collections import Counter

try:
    import numpy
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import f1_score, roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
except ImportError as missing:
    sys.exit(f"judge.py: {missing.name} is missing: the Debian package python3-sklearn has it")

COPY_MIN_DATA_PACKETS = 9
FIRST_STATISTIC, LAST_STATISTIC = "duration", "packets_per_second"
AUC_FOLDS = 5
AUC_MIN_FLOWS = 10  # of each kind, for a class to have an AUC of its own


class Flows:
    """Flows as the rows of a matrix, with a label and a sequence each."""

    def __init__(self, names, values, labels, sequences):
        self.names = names
        self.values = values
        self.labels = labels
        self.sequences = sequences  # None for a flow of too few data packets to be a copy

    def __len__(self):
        return len(self.labels)

    def take(self, rows):
        return Flows(self.names, self.values[rows], self.labels[rows], self.sequences[rows])

    def of_classes(self, classes):
        return self.take(numpy.flatnonzero(numpy.isin(self.labels, classes)))


def sequence_of(row):
    return row["data_sequence"] if int(row["data_packets"]) >= COPY_MIN_DATA_PACKETS else None


def read_flows(path):
    """Flows of a file that have a label."""
    with open(path, newline="", encoding="utf-8", errors="surrogateescape") as file:
        reader = csv.DictReader(file)
        header = reader.fieldnames or []
        missing = {"label", FIRST_STATISTIC, LAST_STATISTIC, "data_packets", "data_sequence"} - set(header)
        if missing:
            raise ValueError(f"{path}: there is no column {min(missing)}: dayshift features writes such files")
        names = header[header.index(FIRST_STATISTIC):header.index(LAST_STATISTIC) + 1]
        rows = [row for row in reader if row["label"]]
    if not rows:
        raise ValueError(f"{path}: no flow has a label")
    try:
        values = numpy.array([[float(row[name]) for name in names] for row in rows])
        sequences = numpy.array([sequence_of(row) for row in rows], dtype=object)
    except (TypeError, ValueError) as wrong:
        raise ValueError(f"{path}: a line is not as dayshift features writes it: {wrong}") from wrong
    return Flows(names, values, numpy.array([row["label"] for row in rows], dtype=object), sequences)


def choose_classes(train, test, min_train, min_test):
    """Classes with enough real flows, and those without, both sorted."""
    in_train, in_test = Counter(train.labels), Counter(test.labels)
    every = sorted(set(in_train) | set(in_test))
    chosen = [c for c in every if in_train[c] >= min_train and in_test[c] >= min_test]
    return chosen, [c for c in every if c not in chosen]


def forest(seed, options):
    return RandomForestClassifier(n_estimators=options.trees, random_state=seed, n_jobs=options.jobs)


def resample(flows, seed):
    """As many flows, drawn with replacement."""
    return flows.take(numpy.random.default_rng(seed).integers(0, len(flows), len(flows)))


def f1_by_class(train, test, classes, seed, options):
    """F1 of each class on `test` of a forest trained on `train`; their mean is macro-F1."""
    if len(train) == 0:
        return numpy.zeros(len(classes))
    found = forest(seed, options).fit(train.values, train.labels).predict(test.values)
    return f1_score(list(test.labels), list(found), labels=classes, average=None, zero_division=0)


def balance(real, other, seed):
    """As many flows of each class from either: (values, 1 where it is not from the first)."""
    random = numpy.random.default_rng(seed)
    chosen = {0: [], 1: []}
    for label in sorted(set(real.labels) & set(other.labels)):
        rows = [numpy.flatnonzero(flows.labels == label) for flows in (real, other)]
        count = min(len(rows[0]), len(rows[1]))
        for side in (0, 1):
            chosen[side].extend(random.choice(rows[side], count, replace=False))
    values = numpy.concatenate([real.values[chosen[0]], other.values[chosen[1]]])
    return values, numpy.repeat([0, 1], len(chosen[0]))


def discriminate(real, other, seed, options):
    """Probability that each balanced flow is from `other`, by forests that did not see it. (is_other, probability)"""
    values, is_other = balance(real, other, seed)
    if len(is_other) < 2 * AUC_FOLDS:
        return is_other, numpy.full(len(is_other), 0.5)
    folds = StratifiedKFold(AUC_FOLDS, shuffle=True, random_state=seed)
    found = cross_val_predict(forest(seed, options), values, is_other, cv=folds, method="predict_proba")
    return is_other, found[:, 1]


def auc(real, other, seed, options):
    is_other, probability = discriminate(real, other, seed, options)
    return roc_auc_score(is_other, probability) if len(is_other) else float("nan")


def count_copies(flows, train):
    """(copies of flows of `train`, flows that could be one)"""
    learned = {sequence for sequence in train.sequences if sequence is not None}
    long = [sequence for sequence in flows.sequences if sequence is not None]
    return sum(sequence in learned for sequence in long), len(long)


def copies(flows, train):
    count, of = count_copies(flows, train)
    return {"copies": count, "flows": of, "share": count / of if of else 0.0}


def judge_once(train, test, synth, classes, seed, options):
    resampled = resample(train, seed)
    f1 = {
        "real": f1_by_class(train, test, classes, seed, options),
        "resampled": f1_by_class(resampled, test, classes, seed, options),
        "synthetic": f1_by_class(synth, test, classes, seed, options),
    }
    return f1, {
        "resampled": auc(test, resampled, seed, options),
        "synthetic": auc(test, synth, seed, options),
    }


def spread(numbers):
    return {"mean": float(numpy.mean(numbers)), "sd": float(numpy.std(numbers))}


def one_feature_auc(values, is_other):
    found = roc_auc_score(is_other, values)
    return max(found, 1 - found)


def rank_features(test, synth, seeds, options):
    """What the discriminator goes by, most important first."""
    importance = numpy.zeros(len(test.names))
    for seed in seeds:
        values, is_other = balance(test, synth, seed)
        importance += forest(seed, options).fit(values, is_other).feature_importances_ / len(seeds)
    return [{
        "name": test.names[i],
        "importance": float(importance[i]),
        "auc_alone": float(one_feature_auc(values[:, i], is_other)),
        "median_real": float(numpy.median(values[is_other == 0, i])),
        "median_synthetic": float(numpy.median(values[is_other == 1, i])),
    } for i in numpy.argsort(-importance)]


def class_rows(train, test, synth, classes, f1, options):
    """What is told of each class."""
    rows = []
    for i, label in enumerate(classes):
        parts = [flows.of_classes([label]) for flows in (train, test, synth)]
        enough = min(len(parts[1]), len(parts[2])) >= AUC_MIN_FLOWS
        rows.append({
            "class": label,
            "train": len(parts[0]), "test": len(parts[1]), "synthetic": len(parts[2]),
            "f1": {kind: float(numpy.mean([run[i] for run in runs])) for kind, runs in f1.items()},
            "auc": float(auc(parts[1], parts[2], 0, options)) if enough else None,
            "copies": copies(parts[2], train),
        })
    return rows


def judge(train, test, synth, options):
    """All that is told, as JSON has it."""
    classes, left_out = choose_classes(train, test, options.min_train, options.min_test)
    if len(classes) < 2:
        raise ValueError(f"{len(classes)} classes have {options.min_train} flows to train and {options.min_test} "
                         "to test with; two are needed at least")
    train, test, synth = (flows.of_classes(classes) for flows in (train, test, synth))
    if len(synth) == 0:
        raise ValueError("no synthetic flow is of a class that is judged")
    runs = [judge_once(train, test, synth, classes, seed, options) for seed in range(options.seeds)]
    f1 = {kind: [run[0][kind] for run in runs] for kind in runs[0][0]}
    found = {
        "flows": {"train": len(train), "test": len(test), "synthetic": len(synth)},
        "classes": len(classes), "left_out": left_out,
        "min_train": options.min_train, "min_test": options.min_test, "seeds": options.seeds,
        "f1": {kind: spread([numpy.mean(run) for run in kept]) for kind, kept in f1.items()},
        "auc": {kind: spread([run[1][kind] for run in runs]) for kind in runs[0][1]},
        "copies": {"held_out": copies(test, train), "synthetic": copies(synth, train)},
        "per_class": class_rows(train, test, synth, classes, f1, options),
    }
    real = found["f1"]["real"]["mean"]
    found["tstr_ratio"] = found["f1"]["synthetic"]["mean"] / real if real > 0 else 0.0
    if options.features:
        found["features"] = rank_features(test, synth, range(options.seeds), options)
    return found


def show_spread(numbers):
    return f"{numbers['mean']:.3f} +- {numbers['sd']:.3f}"


def show_copies(found):
    return f"{found['share']:.3f} ({found['copies']} of {found['flows']})"


def print_classes(rows):
    width = max(len(row["class"]) for row in rows)
    print(f"\n{'class':<{width}}  train   test  synth   F1 real  resampled  synthetic    AUC  copies")
    for row in rows:
        own = f"{row['auc']:.2f}" if row["auc"] is not None else "-"
        print(f"{row['class']:<{width}} {row['train']:6} {row['test']:6} {row['synthetic']:6} {row['f1']['real']:9.3f} "
              f"{row['f1']['resampled']:10.3f} {row['f1']['synthetic']:10.3f} {own:>6} {row['copies']['share']:7.2f}")


def print_features(rows):
    width = max(len(row["name"]) for row in rows)
    print(f"\n{'statistic':<{width}}  importance  AUC alone  median real  synthetic")
    for row in rows:
        print(f"{row['name']:<{width}} {row['importance']:11.3f} {row['auc_alone']:10.3f} {row['median_real']:12.5g} "
              f"{row['median_synthetic']:10.5g}")


def print_text(found):
    flows = found["flows"]
    print(f"{found['classes']} classes; {flows['train']} flows to train, {flows['test']} held out, "
          f"{flows['synthetic']} synthetic; {found['seeds']} seeds")
    if found["left_out"]:
        print(f"left out, with fewer than {found['min_train']} flows to train or {found['min_test']} held out: "
              + ", ".join(found["left_out"]))
    print("\nmacro-F1 on held-out real flows, trained on")
    for kind, numbers in found["f1"].items():
        print(f"  {kind:<10} {show_spread(numbers)}")
    print(f"  synthetic / real  {found['tstr_ratio']:.3f}")
    print("AUC against held-out real flows")
    for kind, numbers in found["auc"].items():
        print(f"  {kind:<10} {show_spread(numbers)}")
    print("copies of flows that were learned, of flows with more than 8 data packets")
    for kind, numbers in found["copies"].items():
        print(f"  {kind:<10} {show_copies(numbers)}")
    print_classes(found["per_class"])
    if "features" in found:
        print_features(found["features"])


def at_least(least):
    def parse(text):
        number = int(text)
        if number < least:
            raise ValueError
        return number
    parse.__name__ = f"whole number from {least} on,"
    return parse


def parse_options(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", metavar="REAL_TRAIN.csv")
    parser.add_argument("test", metavar="REAL_TEST.csv")
    parser.add_argument("synth", metavar="SYNTH.csv")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--features", action="store_true", help="also which statistics give synthetic flows away")
    parser.add_argument("--min-train", type=at_least(1), default=10, metavar="N",
                        help="a class needs N real flows to train with (default 10)")
    parser.add_argument("--min-test", type=at_least(1), default=5, metavar="N",
                        help="and N held out (default 5)")
    parser.add_argument("--seeds", type=at_least(1), default=5, metavar="N", help="repetitions (default 5)")
    parser.add_argument("--trees", type=at_least(1), default=100, metavar="N", help="of a forest (default 100)")
    parser.add_argument("--jobs", type=at_least(1), default=1, metavar="N", help="threads (default 1)")
    return parser.parse_args(arguments)


def main(arguments):
    options = parse_options(arguments)
    try:
        found = judge(*(read_flows(path) for path in (options.train, options.test, options.synth)), options)
    except OSError as wrong:
        return f"judge.py: {wrong.filename}: {wrong.strerror}"
    except ValueError as wrong:
        return f"judge.py: {wrong}"
    if options.json:
        json.dump(found, sys.stdout, indent=2)
        print()
    else:
        print_text(found)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
