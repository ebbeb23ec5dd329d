#ifndef SDA_TESTS_BENCHMARKS_BENCH_PREPROCESS_H_
#define SDA_TESTS_BENCHMARKS_BENCH_PREPROCESS_H_

namespace sda::bench {

// `sda-bench preprocess`: makes a click log of N rows in Criteo's layout, which is not timed, and times the
// making of a dataset from it, both passes and the synced write included. Arguments are those behind
// "preprocess". Returns the exit code: 0, 1 when the work failed or took more memory than --memory-limit, 2
// for bad arguments.
int BenchPreprocess(int argc, char** argv);

}  // namespace sda::bench

#endif  // SDA_TESTS_BENCHMARKS_BENCH_PREPROCESS_H_
