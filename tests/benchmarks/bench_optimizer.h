#ifndef SDA_TESTS_BENCHMARKS_BENCH_OPTIMIZER_H_
#define SDA_TESTS_BENCHMARKS_BENCH_OPTIMIZER_H_

namespace sda::bench {

// sda-bench optimizer: how many calls a real sda-optimizer serves, and how fast. Returns the exit code.
int BenchOptimizer(int argc, char** argv);

}  // namespace sda::bench

#endif  // SDA_TESTS_BENCHMARKS_BENCH_OPTIMIZER_H_
