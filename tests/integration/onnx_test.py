"""Exported models give ONNX Runtime the predictions that they give here.

Needs the Python packages onnxruntime and numpy; skipped without them.
"""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import harness

CASES = pathlib.Path(os.environ.get("SDA_BIN", "build/release/bin")).resolve().parent / "tests" / "trainer_onnx_cases"


def runtime():
    try:
        import numpy
        import onnxruntime
    except ImportError as error:
        raise unittest.SkipTest(f"{error.name} is not installed") from error
    return onnxruntime, numpy


class OnnxTest(unittest.TestCase):
    def test_every_kind_of_model_predicts_the_same(self):
        onnxruntime, numpy = runtime()
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([str(CASES), folder], check=True)
            cases = sorted(pathlib.Path(folder).iterdir())
            self.assertGreater(len(cases), 10)
            for case in cases:
                with self.subTest(case.name):
                    rows = json.loads((case / "rows.json").read_text())
                    expected = numpy.array(rows["probabilities"], dtype=numpy.float32)
                    inputs = {}
                    if rows["dense"]:
                        inputs["dense"] = numpy.array(rows["dense"], dtype=numpy.float32).reshape(len(expected), -1)
                    if rows["ids"]:
                        inputs["ids"] = numpy.array(rows["ids"], dtype=numpy.int64).T.copy()
                    for name, bags in rows["bags"].items():
                        padded = numpy.full((len(bags), max(map(len, bags))), -1, dtype=numpy.int64)
                        for row, bag in enumerate(bags):
                            padded[row, : len(bag)] = bag
                        inputs["bag:" + name] = padded
                    session = onnxruntime.InferenceSession(str(case / "model" / "model.onnx"))
                    self.assertEqual({i.name for i in session.get_inputs()}, set(inputs))
                    (probabilities,) = session.run(["probability"], inputs)
                    self.assertEqual(probabilities.shape, expected.shape)
                    self.assertLessEqual(float(abs(probabilities - expected).max()), 1e-5)
                    # One row alone: nothing depends on the number of rows.
                    (first,) = session.run(["probability"], {k: v[:1] for k, v in inputs.items()})
                    self.assertLessEqual(abs(float(first[0]) - float(expected[0])), 1e-5)
                    self.assertLess((case / "model" / "model.onnx").stat().st_size, 20_000)


if __name__ == "__main__":
    harness.main()
