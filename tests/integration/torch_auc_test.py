"""On real logs PyTorch, given the same rows in the same order and the same initial weights, reaches the same AUC.

Needs the Python packages torch and numpy and real data (SDA_TEST_DATA); skipped without them.
"""

import json
import pathlib
import subprocess
import unittest

import harness

TRAIN_CASE = harness.BIN.parent / "tests" / "trainer_train_case"
ARCHITECTURES = ("dlrm", "wide_deep", "deepfm", "dcnv2")

LOGS = {
    "tencent": ["--data", "tencent_click_small/Click_prediction_small.csv", "--label", "click", "--split",
                "fraction=0.2"],
    "adult": ["--data", "adult/adult.data", "--test", "adult/adult.test", "--label", "14", "--positive",
              ">50K,>50K."],
    "criteo": ["--data", "criteo_kaggle_dac/criteo_kaggle_all.tsv", "--label", "0", "--split", "fraction=0.2"],
}


def libraries():
    try:
        import numpy
        import torch
    except ImportError as error:
        raise unittest.SkipTest(f"{error.name} is not installed") from error
    return torch, numpy


def auc(numpy, scores, labels):
    """By ranks, equal scores sharing their mean rank."""
    _, place, count = numpy.unique(scores, return_inverse=True, return_counts=True)
    ranks = (numpy.cumsum(count) - (count - 1) / 2)[place]
    positives = labels.sum()
    return (ranks[labels == 1].sum() - positives * (positives + 1) / 2) / (positives * (len(labels) - positives))


class Model:
    """The four models in PyTorch, their parameters taken in the order in which the trainer writes them."""

    def __init__(self, torch, case, values):
        self.torch, self.case, self.values, self.place = torch, case, values, 0
        self.parameters = []
        kind, dense, dim = case["architecture"], case["dense_columns"], case["embedding_dim"]
        tables, self.kind, self.direct = case["table_rows"], kind, kind != "dlrm"
        self.bottom = []
        if not self.direct:
            sizes = [dense, *case["bottom_layers"], dim] if dense else [0, dim]
            self.bottom = self.network(sizes)
        flat = (dense if self.direct else dim) + len(tables) * dim
        features = len(tables) + 1
        inputs = dim + features * (features - 1) // 2 if kind == "dlrm" else flat
        self.top = self.network([inputs, *case["top_layers"], 1])
        self.cross = [(self.take(flat, flat), self.take(flat)) for _ in range(case["cross_layers"])]
        self.wide = kind in ("wide_deep", "deepfm")
        if self.wide:
            self.wide_weights = self.take(1, dense) if dense else None
            self.wide_bias = self.take(1)
        self.tables = [self.take(rows, dim) for rows in tables]
        self.wide_tables = [self.take(rows, 1) for rows in tables] if self.wide else []
        assert self.place == len(values)

    def take(self, *shape):
        size = 1
        for extent in shape:
            size *= extent
        value = self.torch.tensor(self.values[self.place:self.place + size]).reshape(shape).requires_grad_(True)
        self.place += size
        self.parameters.append(value)
        return value

    def network(self, sizes):
        return [(self.take(after, before) if before else None, self.take(after))
                for before, after in zip(sizes, sizes[1:])]

    def logits(self, dense, ids):
        torch = self.torch
        x = dense
        for weights, bias in self.bottom:
            x = bias.expand(len(ids), -1) if weights is None else torch.relu(x @ weights.T + bias)
        vectors = [torch.nn.functional.embedding(ids[:, t], table) for t, table in enumerate(self.tables)]
        if self.kind == "dlrm":
            t = torch.stack([x, *vectors], 1)
            i, j = torch.tril_indices(t.shape[1], t.shape[1], -1)
            r = torch.cat([x, torch.bmm(t, t.transpose(1, 2))[:, i, j]], 1)
        else:
            r = torch.cat([x, *vectors], 1)
        x0 = r
        for weights, bias in self.cross:
            r = x0 * (r @ weights.T + bias) + r
        for n, (weights, bias) in enumerate(self.top):
            r = r @ weights.T + bias
            r = torch.relu(r) if n + 1 < len(self.top) else r
        logit = r[:, 0]
        if self.kind == "deepfm":
            t = torch.stack(vectors, 1)
            logit = logit + 0.5 * (t.sum(1) ** 2 - (t**2).sum(1)).sum(1)
        if self.wide:
            logit = logit + self.wide_bias
            if self.wide_weights is not None:
                logit = logit + (dense @ self.wide_weights.T)[:, 0]
            for t, table in enumerate(self.wide_tables):
                logit = logit + torch.nn.functional.embedding(ids[:, t], table)[:, 0]
        return logit


class TorchAucTest(harness.SdaTestCase):
    def encode(self, name):
        data = harness.data_folder()
        arguments = [str(data / a) if i in (1, 3) and (data / a).exists() else a for i, a in enumerate(LOGS[name])]
        _, running = self.start_local()
        del running
        self.sda_json("dataset", "create", "--state", self.state, *arguments, "--name", name)
        return self.state / "artefacts" / "datasets" / name

    def compare(self, name):
        torch, numpy = libraries()
        dataset = self.encode(name)
        torch.set_num_threads(1)
        for architecture in ARCHITECTURES:
            with self.subTest(architecture):
                folder = self.folder / architecture
                subprocess.run([str(TRAIN_CASE), str(dataset), architecture, str(folder)], check=True)
                case = json.loads((folder / "case.json").read_text())
                expected = self.train(torch, numpy, pathlib.Path(folder), case)
                print(f"{name} {architecture}: {case['test_auc']:.5f}, PyTorch {expected:.5f}")
                self.assertGreater(expected, 0.55)
                self.assertAlmostEqual(case["test_auc"], expected, delta=0.002)

    def train(self, torch, numpy, folder, case):
        def split(prefix):
            labels = numpy.fromfile(folder / f"{prefix}_labels", numpy.float32)
            dense = numpy.fromfile(folder / f"{prefix}_dense", numpy.float32).reshape(len(labels), -1)
            ids = numpy.fromfile(folder / f"{prefix}_ids", numpy.int32).reshape(len(labels), -1)
            return torch.from_numpy(dense), torch.from_numpy(ids).long(), torch.from_numpy(labels)

        model = Model(torch, case, numpy.fromfile(folder / "weights", numpy.float32))
        optimizer = torch.optim.Adagrad(model.parameters, lr=case["learning_rate"], eps=1e-10)
        dense, ids, labels = split("train")
        order = torch.from_numpy(numpy.fromfile(folder / "order", numpy.uint32).astype(numpy.int64))
        for rows in order.split(case["batch"]):
            optimizer.zero_grad()
            logits = model.logits(dense[rows], ids[rows])
            torch.nn.functional.binary_cross_entropy_with_logits(logits, labels[rows]).backward()
            optimizer.step()
        dense, ids, labels = split("test")
        with torch.no_grad():
            return float(auc(numpy, model.logits(dense, ids).numpy(), labels.numpy()))

    def test_tencent(self):
        self.compare("tencent")

    def test_adult(self):
        self.compare("adult")

    def test_criteo(self):
        self.compare("criteo")


if __name__ == "__main__":
    harness.main()
