"""What tasks know, and what a reducer makes of the records of learning passes."""

import pickle

from sda_spark import files, row_learning
from sda_spark.joins import JoinTable
from sda_spark.shuffle import CountsMerger, unpack
from sda_spark.state import NodeState, load


class Context:
    """What tasks know; goes to executors as a broadcast. `states` by node; those of single blocks lie in files."""

    def __init__(self, plan):
        self.plan, self.states, self.by_block = plan, {}, set()
        self.join_files = []  # that Spark has sent along, by number of the join
        self.time_bound = 0.0
        self.reducers = 1
        self.first_rows = None
        self.block_rows, self.block_begins = {}, {}

    def store(self):
        return files.Store(self.plan["root"])

    def state_path(self, node, block):
        return f"{self.plan['staging']}/rows-{node}/{block}.pickle"

    def join_table(self, number):
        return load(self.join_files[number], JoinTable)

    def states_of(self, block):
        states = dict(self.states)
        for node in self.by_block:
            state = states[node] = NodeState()
            state.within, state.values = pickle.loads(self.store().read(self.state_path(node, block["index"])))
        return states


def reduce_learned(context, records):
    """In a reducer: merges what it gets."""
    counts, stats = CountsMerger(), {}
    tables = {"firsts": [], "users": []}
    for _, record in records:
        kind = record[0]
        if kind == "driver":
            yield record
        elif kind == "stats":
            stats[record[1]] = stats[record[1]].merge(record[2]) if record[1] in stats else record[2]
        elif kind == "counts":
            counts.add(unpack(record[1]))
        else:
            tables[kind].append(unpack(record[1]))
    for index, merged in stats.items():
        yield "stats", index, merged
    merged = counts.result()
    if merged is not None:
        yield "counts", merged
    found = list(row_learning.firsts_of(tables["firsts"])) if tables["firsts"] else []
    found += list(row_learning.last_of_users(tables["users"], context.plan)) if tables["users"] else []
    for node, rows, values in found:
        yield "rows", node, rows, values
