#!/usr/bin/python3
"""Tests of judge.py and split.py; judge.py's are skipped without scikit-learn."""

import argparse
import importlib.util
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import split  # noqa: E402

HAS_SKLEARN = importlib.util.find_spec("sklearn") is not None
if HAS_SKLEARN:
    import numpy
    import judge

NAMES = ["duration", "initiator_packets", "packets_per_second"]


def row(label, file, start_s, duration=1.0):
    return {"label": label, "file": file, "start_ns": str(int(start_s * 1e9)), "duration": str(duration)}


class Split(unittest.TestCase):
    def halves(self, rows, way):
        return [[(r["label"], r["file"], int(r["start_ns"]) // 10**9) for r in half] for half in split.split(rows, way)]

    def test_captures_of_a_class_are_dealt(self):
        rows = [row("a", "big", i) for i in range(5)] + [row("a", "small", 0), row("a", "mid", 0), row("a", "mid", 1)]
        train, test = self.halves(rows, "files")
        self.assertEqual({file for _, file, _ in train}, {"big"})
        self.assertEqual([file for _, file, _ in test], ["mid", "mid", "small"])

    def test_a_class_of_one_capture_and_flows_without_label_are_in_no_half(self):
        rows = [row("a", "x", 0), row("a", "x", 1), row("", "y", 2), row("b", "x", 0), row("b", "y", 0)]
        self.assertEqual(self.halves(rows, "files"), [[("b", "x", 0)], [("b", "y", 0)]])

    def test_setups_are_between_silences(self):
        rows = [row("d", "d", 0, 2000), row("d", "d", 100), row("d", "d", 2599), row("d", "d", 3201), row("d", "d", 9000)]
        train, test = self.halves(reversed(rows), "setups")
        self.assertEqual([start for _, _, start in train], [0, 100, 2599, 9000])
        self.assertEqual([start for _, _, start in test], [3201])


@unittest.skipUnless(HAS_SKLEARN, "no scikit-learn")
class Judge(unittest.TestCase):
    options = argparse.Namespace(trees=10, jobs=1, seeds=2, min_train=10, min_test=5, features=True)

    def flows(self, counts, seed, shift=0.0):
        """Of each class so many flows, by a number that tells classes; `shift` adds to one that does not."""
        random = numpy.random.default_rng(seed)
        labels = numpy.array([label for label, count in sorted(counts.items()) for _ in range(count)], dtype=object)
        values = random.normal(0, 0.1, (len(labels), 3))
        values[:, 0] += [ord(label) for label in labels]
        values[:, 1] += shift
        sequences = numpy.array([f"{seed}-{i}" for i in range(len(labels))], dtype=object)
        return judge.Flows(NAMES, values, labels, sequences)

    def test_classes_that_are_too_small_are_left_out(self):
        train, test = self.flows({"a": 10, "b": 9, "c": 20}, 1), self.flows({"a": 5, "b": 9, "c": 4, "d": 9}, 2)
        self.assertEqual(judge.choose_classes(train, test, 10, 5), (["a"], ["b", "c", "d"]))

    def test_copies_are_of_learned_flows_and_of_enough_data(self):
        train, test = self.flows({"a": 3}, 1), self.flows({"a": 4}, 2)
        test.sequences[:] = ["1-0", "1-0", "new", None]
        train.sequences[2] = None
        self.assertEqual(judge.count_copies(test, train), (2, 3))
        self.assertEqual(judge.count_copies(train, train), (2, 2))

    def test_alike_flows_cannot_be_told_and_shifted_ones_can(self):
        test = self.flows({"a": 60, "b": 60}, 2)
        same = judge.auc(test, self.flows({"a": 60, "b": 60}, 3), 0, self.options)
        other = judge.auc(test, self.flows({"a": 60, "b": 60}, 3, shift=1), 0, self.options)
        self.assertLess(abs(same - 0.5), 0.2)
        self.assertGreater(other, 0.99)

    def test_the_discriminator_sees_as_many_of_each_class(self):
        values, is_other = judge.balance(self.flows({"a": 50, "b": 10}, 1), self.flows({"a": 20, "b": 90, "c": 9}, 2), 0)
        self.assertEqual(list(numpy.bincount(is_other)), [30, 30])
        for side in (0, 1):
            self.assertEqual(int(numpy.sum(values[is_other == side, 0] > 97.5)), 10)

    def test_all_that_is_told(self):
        train, test = self.flows({"a": 40, "b": 40, "c": 1}, 1), self.flows({"a": 20, "b": 20}, 2)
        good = judge.judge(train, test, self.flows({"a": 40, "b": 40}, 3), self.options)
        self.assertEqual((good["classes"], good["left_out"]), (2, ["c"]))
        for kind in "real", "resampled", "synthetic":
            self.assertEqual(good["f1"][kind], {"mean": 1.0, "sd": 0.0})
        self.assertEqual(good["tstr_ratio"], 1.0)
        self.assertEqual(good["copies"]["held_out"]["share"], 0.0)
        self.assertEqual([row["class"] for row in good["per_class"]], ["a", "b"])
        swapped = self.flows({"a": 40, "b": 40}, 3)
        swapped.labels[:] = ["b"] * 40 + ["a"] * 40
        self.assertEqual(judge.judge(train, test, swapped, self.options)["f1"]["synthetic"]["mean"], 0.0)
        shifted = judge.judge(train, test, self.flows({"a": 40, "b": 40}, 3, shift=2), self.options)
        self.assertEqual(shifted["features"][0]["name"], "initiator_packets")
        self.assertGreater(shifted["auc"]["synthetic"]["mean"], 0.99)

    def test_a_class_that_was_not_synthesized_counts_as_missed(self):
        train, test = self.flows({"a": 40, "b": 40}, 1), self.flows({"a": 20, "b": 20}, 2)
        found = judge.judge(train, test, self.flows({"a": 40}, 3), self.options)
        self.assertAlmostEqual(found["f1"]["synthetic"]["mean"], (2 / 3) / 2)

    def test_files_that_are_none(self):
        for text, wrong in (("a,b\n1,2\n", "there is no column data_packets"),
                            ("label,duration,packets_per_second,data_packets,data_sequence\n,1,2,3,f\n", "no flow has"),
                            ("label,duration,packets_per_second,data_packets,data_sequence\nx,1,z,3,f\n", "as dayshift")):
            with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
                file.write(text)
                file.flush()
                with self.assertRaisesRegex(ValueError, wrong):
                    judge.read_flows(file.name)


if __name__ == "__main__":
    unittest.main()
