"""A plain DLRM in PyTorch, for comparison with `sda-bench train`: dot interaction, EmbeddingBag with sparse
gradients, plain SGD, training steps on random inputs of the same shape.

    python3 -m venv /somewhere && /somewhere/bin/pip install torch numpy
    /somewhere/bin/python tests/benchmarks/peers/torch_train.py --config kaggle --threads 1 --steps 20

Prints one line of JSON. `cpu_ms_per_step_best` is the processor time of all its threads in the fastest step: with
one thread it can be compared on a machine that is busy with other things. `--mode bf16` uses autocast, `compile`
compiles the networks, `compile_bf16` does both.
"""

import argparse
import contextlib
import json
import os
import statistics
import time

CRITEO_ROWS = [1460, 583, 10131227, 2202608, 305, 24, 12517, 633, 3, 93145, 5683, 8351593, 3194, 27, 14992, 5461306,
               10, 5652, 2173, 4, 7046547, 18, 15, 286181, 105, 142572]

# dense columns, embedding width, bottom, top, rows of the tables, lookups a table, batch
CONFIGS = {
    "kaggle": (13, 16, [512, 256, 64], [512, 256], CRITEO_ROWS, 1, 2048),
    "kaggle128": (13, 16, [512, 256, 64], [512, 256], CRITEO_ROWS, 1, 128),
    "mlperf_small": (13, 128, [512, 256], [1024, 1024, 512, 256], [min(r, 1_000_000) for r in CRITEO_ROWS], 1, 2048),
    "sc20_small": (512, 64, [512], [1024, 1024, 1024], [1_000_000] * 8, 50, 2048),
}
DISTINCT_BATCHES = 8
WARM_UP_STEPS = 5


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", choices=CONFIGS, default="kaggle")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=0, help="0: about two seconds")
    parser.add_argument("--mode", choices=["eager", "bf16", "compile", "compile_bf16"], default="eager")
    return parser.parse_args()


def main():
    options = arguments()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    import torch

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    dense, width, bottom, top, tables, lookups, batch = CONFIGS[options.config]
    vectors = len(tables) + 1

    def mlp(sizes, last):
        layers = []
        for before, after in zip(sizes, sizes[1:]):
            layers += [torch.nn.Linear(before, after), torch.nn.ReLU()]
        return torch.nn.Sequential(*layers[:-1], last)

    class Dlrm(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.bottom = mlp([dense, *bottom, width], torch.nn.ReLU())
            self.top = mlp([width + vectors * (vectors - 1) // 2, *top, 1], torch.nn.Sigmoid())
            self.tables = torch.nn.ModuleList(
                torch.nn.EmbeddingBag(rows, width, mode="sum", sparse=True) for rows in tables)
            self.pairs = torch.tril_indices(vectors, vectors, -1)

        def forward(self, x, ids, offsets):
            x = self.bottom(x)
            bags = [table(i, offsets) for table, i in zip(self.tables, ids)]
            t = torch.stack([x, *bags], 1)
            z = torch.bmm(t, t.transpose(1, 2))[:, self.pairs[0], self.pairs[1]]
            return self.top(torch.cat([x, z], 1)).squeeze(1)

    model = Dlrm()
    if "compile" in options.mode:
        model.bottom, model.top = torch.compile(model.bottom), torch.compile(model.top)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loss_of = torch.nn.BCELoss()
    offsets = torch.arange(0, batch * lookups, lookups)
    batches = [(torch.rand(batch, dense), [torch.randint(0, rows, (batch * lookups,)) for rows in tables],
                torch.randint(0, 2, (batch,)).float()) for _ in range(DISTINCT_BATCHES)]

    def step(number):
        x, ids, labels = batches[number % DISTINCT_BATCHES]
        precision = torch.autocast("cpu", dtype=torch.bfloat16) if "bf16" in options.mode else contextlib.nullcontext()
        with precision:
            predicted = model(x, ids, offsets)
        loss = loss_of(predicted.float(), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    begin = time.perf_counter()
    for number in range(WARM_UP_STEPS):
        step(number)
    steps = options.steps or max(10, min(1000, int(2 * WARM_UP_STEPS / (time.perf_counter() - begin))))
    wall, processor = [], []
    for number in range(steps):
        wall_begin, processor_begin = time.perf_counter(), time.process_time()
        step(number)
        wall.append(time.perf_counter() - wall_begin)
        processor.append(time.process_time() - processor_begin)
    median = statistics.median(wall)
    print(json.dumps({
        "area": "train", "config": options.config, "threads": options.threads, "mode": options.mode,
        "torch": torch.__version__, "batch": batch, "steps": steps, "samples_per_s": batch / median,
        "ms_per_step": median * 1e3, "ms_per_step_best": min(wall) * 1e3,
        "cpu_ms_per_step_best": min(processor) * 1e3
    }), flush=True)


if __name__ == "__main__":
    main()
