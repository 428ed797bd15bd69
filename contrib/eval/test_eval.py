#!/usr/bin/python3
"""Tests of judge.py and split.py; judge.py's are skipped without scikit-learn."""

import argparse
import importlib.util
import os
import struct
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


def flows(**counts):
    """Rows of a capture's flows by their class: flows("x", a=3)."""
    file = counts.pop("file")
    return [{"file": file, "label": label} for label, count in counts.items() for _ in range(count)]


class Split(unittest.TestCase):
    def test_captures_of_a_class_are_dealt(self):
        rows = flows(file="big", a=5) + flows(file="small", a=1) + flows(file="mid", a=2)
        self.assertEqual(split.deal_files(rows), {"big": 0, "mid": 1, "small": 1})

    def test_each_class_is_dealt(self):
        rows = (flows(file="a1", a=9) + flows(file="b1", b=8) + flows(file="a2", a=7) + flows(file="b2", b=6)
                + flows(file="both", a=1, b=2))
        self.assertEqual(split.deal_files(rows), {"a1": 0, "b1": 0, "a2": 1, "b2": 1, "both": 1})

    def test_flows_without_a_label_do_not_count(self):
        self.assertEqual(split.deal_files([{"file": "x", "label": ""}] + flows(file="y", a=1)), {"y": 0})

    def test_setups_are_between_silences(self):
        packets = [(0, "a"), (600, "b"), (1201, "c"), (1300, "d"), (9000, "e")]
        self.assertEqual(split.cut_setups(packets), (["a", "b", "e"], ["c", "d"]))

    def test_classic_captures_are_cut_between_packets(self):
        for order in "<>":
            header = struct.pack(order + "IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
            packets = [struct.pack(order + "4I", second, 0, 3, 60) + b"abc" for second in (5, 6)]
            pcap = header + b"".join(packets)
            self.assertEqual(split.packets_of(pcap, "x"), (header, [(5, packets[0]), (6, packets[1])]))
            with self.assertRaisesRegex(ValueError, "x: damaged at byte 43"):
                split.packets_of(pcap[:-1], "x")
        with self.assertRaisesRegex(ValueError, "x: no classic pcap file"):
            split.packets_of(b"\n\r\r\n" + bytes(40), "x")


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
