"""Records what 200 training steps of every model with every optimizer give, by PyTorch in double precision.

    python3 make_training_goldens.py > training.txt     # needs torch (CPU); about two minutes

The models and the update rules are written down here a second time, from their papers, on torch tensors with
torch's autograd; nothing of the trainer is used. Inputs and initial weights come from a hash, so that the C++ test
(services/trainer_worker/core/training/golden_test.cc) makes the very same ones. A line of the output is

    <model> <optimizers> <step> <mean loss of the batch before the step's update>

and, with the step "weights", a fingerprint of all parameters after the last step.
"""

import math
import sys

import torch

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

STEPS = 200
BATCH = 32
DENSE = 4
ROWS = [20, 7, 50, 300]  # the last column has several values a sample
RECORDED = [1, 2, 5, 10, 20, 50, 100, 150, 200]
MASK = (1 << 64) - 1


def mix(x):
    """SplitMix64's output function."""
    x = (x + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def bits(stream, index):
    """24 random bits: any of them is a float exactly."""
    return mix(mix(stream) ^ index) >> 40


def uniform(stream, shape, scale, middle=0.0):
    """Values in middle ± scale, exact in single precision for powers of two."""
    count = math.prod(shape)
    values = [middle + scale * (bits(stream, i) / 2**23 - 1) for i in range(count)]
    return torch.tensor(values).reshape(shape)


def batch_of(step):
    """Dense columns, ids of each column as a list of bags, labels."""
    dense = uniform(10_000 + step, [BATCH, DENSE], 1.0)
    bags = []
    for t, rows in enumerate(ROWS):
        stream = 20_000 + 1000 * t + step
        if t + 1 < len(ROWS):
            bags.append([[bits(stream, s) % rows] for s in range(BATCH)])
        else:
            sizes = [bits(stream, 1_000_000 + s) % 4 for s in range(BATCH)]
            bags.append([[bits(stream, 100 * s + k) % rows for k in range(sizes[s])] for s in range(BATCH)])
    labels = []
    for s in range(BATCH):
        chance = 0.3 + 0.4 * (bags[0][s][0] % 2) + 0.2 * float(dense[s, 0])
        labels.append(1.0 if bits(30_000 + step, s) / 2**24 < chance else 0.0)
    return dense, bags, torch.tensor(labels)


class Model:
    """Parameters in the trainer's order: networks, cross layers, projections, wide part; then the tables."""

    def __init__(self, dim=4, bottom=(8,), top=(16, 8), interaction="dot", direct=False, wide=False, fm=False,
                 cross=0, rank=0, widths=None, quotient=None, hash_rows=0, mean=False):
        self.dim, self.interaction, self.direct, self.wide, self.fm = dim, interaction, direct, wide, fm
        self.mean = mean
        self.dense_parameters, self.tables = [], []
        self.stream = 1
        widths = widths or [dim] * len(ROWS)
        self.project = interaction != "cat" or fm
        self.bottom = [] if direct else self.network(DENSE, list(bottom) + [dim])
        vectors = [dim if self.project else w for w in widths]
        flat = (DENSE if direct else dim) + sum(vectors)
        features = len(ROWS) + 1
        pairs = {"dot": features * (features - 1) // 2, "self": features * (features + 1) // 2, "cat": 0}
        inputs = flat if interaction == "cat" else dim + pairs[interaction]
        self.top = self.network(inputs, list(top) + [1])
        self.cross = []
        for _ in range(cross):
            v = self.dense([rank, flat], 0.25) if rank else None
            w = self.dense([flat, rank or flat], 0.25)
            self.cross.append((v, w, self.dense([flat], 0.125)))
        self.projections = [
            self.dense([dim, w], 0.25) if self.project and w != dim else None for w in widths
        ]
        if wide:
            self.wide_weights, self.wide_bias = self.dense([1, DENSE], 0.25), self.dense([1], 0.125)
        self.columns = []
        for rows, width in zip(ROWS, widths):
            if hash_rows and rows > hash_rows:
                self.columns.append(([(self.table(hash_rows, width), lambda i: i % hash_rows)], None))
            elif quotient and rows > 10:
                c = 4
                second = width // 2 if quotient == "concat" else width
                q = self.table(-(-rows // c), width - second if quotient == "concat" else width)
                r = self.table(c, second, 1.0 if quotient == "mult" else 0.0)
                self.columns.append(([(q, lambda i: i // c), (r, lambda i: i % c)], quotient))
            else:
                self.columns.append(([(self.table(rows, width), lambda i: i)], None))
        self.wide_columns = []
        if wide:
            for rows in ROWS:
                if hash_rows and rows > hash_rows:
                    self.wide_columns.append((self.table(hash_rows, 1), lambda i: i % hash_rows))
                else:
                    self.wide_columns.append((self.table(rows, 1), lambda i: i))

    def parameter(self, shape, scale, middle=0.0):
        value = uniform(self.stream, shape, scale, middle).requires_grad_(True)
        self.stream += 1
        return value

    def dense(self, shape, scale):
        self.dense_parameters.append(self.parameter(shape, scale))
        return self.dense_parameters[-1]

    def table(self, rows, width, middle=0.0):
        self.tables.append(self.parameter([rows, width], 0.25, middle))
        return self.tables[-1]

    def network(self, inputs, sizes):
        layers = []
        for size in sizes:
            layers.append((self.dense([size, inputs], 0.25), self.dense([size], 0.125)))
            inputs = size
        return layers

    def pooled(self, table, rows_of, bags):
        out = []
        for bag in bags:
            rows = table[[rows_of(i) for i in bag]]
            total = rows.sum(0)
            out.append(total / max(len(bag), 1) if self.mean else total)
        return torch.stack(out)

    def logits(self, dense, bags):
        x = dense
        for w, b in self.bottom:
            x = torch.relu(x @ w.T + b)
        vectors = []
        for (tables, operation), column, projection in zip(self.columns, bags, self.projections):
            v = [self.pooled(table, rows_of, column) for table, rows_of in tables]
            if operation == "mult":
                v = v[0] * v[1]
            elif operation == "add":
                v = v[0] + v[1]
            else:
                v = torch.cat(v, 1)
            vectors.append(v if projection is None else v @ projection.T)
        if self.interaction == "cat":
            r = torch.cat([x] + vectors, 1)
        else:
            t = torch.stack([x] + vectors, 1)
            z = torch.bmm(t, t.transpose(1, 2))
            offset = 0 if self.interaction == "self" else -1
            i, j = torch.tril_indices(t.shape[1], t.shape[1], offset)
            r = torch.cat([x, z[:, i, j]], 1)
        x0 = r
        for v, w, b in self.cross:
            r = x0 * ((r if v is None else r @ v.T) @ w.T + b) + r
        for n, (w, b) in enumerate(self.top):
            r = r @ w.T + b
            if n + 1 < len(self.top):
                r = torch.relu(r)
        logit = r[:, 0]
        if self.fm:
            t = torch.stack(([] if self.direct else [x]) + vectors, 1)
            logit = logit + 0.5 * (t.sum(1) ** 2 - (t**2).sum(1)).sum(1)
        if self.wide:
            logit = logit + (dense @ self.wide_weights.T)[:, 0] + self.wide_bias
            for (table, rows_of), column in zip(self.wide_columns, bags):
                logit = logit + self.pooled(table, rows_of, column)[:, 0]
        return logit


class Sgd:
    def __init__(self, lr=0.1, momentum=0.0):
        self.lr, self.momentum = lr, momentum

    def state(self, w):
        return {"v": torch.zeros_like(w)}

    def step(self, w, g, s, t):
        s["v"] = self.momentum * s["v"] + g
        return w - self.lr * s["v"]


class Adagrad:
    def __init__(self, lr=0.05, rowwise=False):
        self.lr, self.rowwise = lr, rowwise

    def state(self, w):
        return {"h": torch.zeros(w.shape[0], 1) if self.rowwise else torch.zeros_like(w)}

    def step(self, w, g, s, t):
        s["h"] = s["h"] + (g**2).mean(-1, keepdim=True) if self.rowwise else s["h"] + g**2
        return w - self.lr * g / (s["h"].sqrt() + 1e-10)


class Adam:
    """With a larger epsilon than usual: else gradients of the size of rounding would move weights by the rate."""

    def __init__(self, lr=0.001):
        self.lr = lr

    def state(self, w):
        return {"m": torch.zeros_like(w), "v": torch.zeros_like(w)}

    def step(self, w, g, s, t):
        s["m"] = 0.9 * s["m"] + 0.1 * g
        s["v"] = 0.999 * s["v"] + 0.001 * g**2
        return w - self.lr * (s["m"] / (1 - 0.9**t)) / ((s["v"] / (1 - 0.999**t)).sqrt() + 1e-5)


class Lamb:
    """`rows`: the norms are those of each row, not of the whole tensor."""

    def __init__(self, lr=0.01, decay=0.01, intel=False, rows=False):
        self.lr, self.decay, self.intel, self.rows = lr, decay, intel, rows

    state = Adam.state

    def step(self, w, g, s, t):
        s["m"] = 0.9 * s["m"] + 0.1 * g
        s["v"] = 0.999 * s["v"] + 0.001 * g**2
        power = 1 if self.intel else t
        u = (s["m"] / (1 - 0.9**power)) / ((s["v"] / (1 - 0.999**power)).sqrt() + 1e-6) + self.decay * w
        norm = (lambda x: x.norm(dim=-1, keepdim=True)) if self.rows else torch.norm
        wn, un = norm(w), norm(u)
        if self.intel:
            wn = wn.clamp(0, 10)
        trust = torch.where((wn > 0) & (un > 0), wn / torch.where(un > 0, un, 1.0), 1.0)
        return w - self.lr * trust * u


MODELS = {
    "dlrm_dot": {},
    "dlrm_self": {"interaction": "self"},
    "dlrm_cat": {"interaction": "cat"},
    "wide_deep": {"interaction": "cat", "direct": True, "wide": True},
    "deepfm": {"interaction": "cat", "direct": True, "wide": True, "fm": True},
    "dcnv2": {"interaction": "cat", "direct": True, "cross": 2},
    "dcnv2_low_rank": {"interaction": "cat", "cross": 3, "rank": 4},
    "dlrm_mean": {"mean": True},
    "dlrm_widths": {"widths": [2, 4, 3, 1]},
    "dlrm_quotient_mult": {"quotient": "mult"},
    "dlrm_quotient_add": {"quotient": "add"},
    "dlrm_quotient_concat": {"quotient": "concat"},
    "deepfm_hashed": {"interaction": "cat", "wide": True, "fm": True, "hash_rows": 30},
}

OPTIMIZERS = {
    "sgd": (Sgd(), Sgd()),
    "momentum": (Sgd(0.02, 0.9), Sgd(0.05, 0.5)),
    "adagrad": (Adagrad(), Adagrad()),
    "rowwise_adagrad": (Adagrad(0.02), Adagrad(0.05, rowwise=True)),
    "adam": (Adam(), Adam(0.003)),
    "lamb": (Lamb(), Lamb(rows=True)),
    "intel_lamb": (Lamb(0.003, 0, intel=True), Sgd()),
}


def main():
    batches = [batch_of(step) for step in range(1, STEPS + 1)]
    for model_name, options in MODELS.items():
        for optimizer_name, (dense_rule, sparse_rule) in OPTIMIZERS.items():
            model = Model(**options)
            parameters = model.dense_parameters + model.tables
            rules = [dense_rule] * len(model.dense_parameters) + [sparse_rule] * len(model.tables)
            states = [rule.state(p) for rule, p in zip(rules, parameters)]
            for t, (dense, bags, labels) in enumerate(batches, 1):
                logits = model.logits(dense, bags)
                loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels)
                if t in RECORDED:
                    print(model_name, optimizer_name, t, f"{loss.item():.9f}")
                gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
                touched = model_rows(model, bags)
                with torch.no_grad():
                    for n, (p, g, rule, state) in enumerate(zip(parameters, gradients, rules, states)):
                        g = torch.zeros_like(p) if g is None else g
                        before = {k: v.clone() for k, v in state.items()}
                        new = rule.step(p, g, state, t)
                        if n >= len(model.dense_parameters):  # lazily: rows outside the batch stay as they are
                            stay = torch.ones(p.shape[0], dtype=torch.bool)
                            stay[sorted(touched[n - len(model.dense_parameters)])] = False
                            new[stay] = p[stay]
                            for k in state:
                                state[k][stay] = before[k][stay]
                        p.copy_(new)
            total = sum((p.detach() * torch.arange(1, p.numel() + 1).reshape(p.shape).remainder(7)).sum()
                        for p in parameters)
            print(model_name, optimizer_name, "weights", f"{total.item():.9f}")
            print(model_name, optimizer_name, file=sys.stderr)


def model_rows(model, bags):
    """The rows of each table, in their order, that a batch touches."""
    touched = []
    for (tables, _), column in zip(model.columns, bags):
        for _, rows_of in tables:
            touched.append({rows_of(i) for bag in column for i in bag})
    for (_, rows_of), column in zip(model.wide_columns, bags):
        touched.append({rows_of(i) for bag in column for i in bag})
    return touched


if __name__ == "__main__":
    main()
