#ifndef SDA_TESTS_BENCHMARKS_BENCH_QUALITY_H_
#define SDA_TESTS_BENCHMARKS_BENCH_QUALITY_H_

namespace sda::bench {

// `sda-bench quality`: what bfloat16 costs in AUC. Trains the network of `kaggle` on an encoded dataset, for
// each seed once in fp32 and once in bf16 with the same initial weights and row order, and compares the AUC
// on the test rows. One line a training, then one with the means. Exit code 0 within the bound, 3 beyond it,
// 1 for a failure, 2 for bad options.
int BenchQuality(int argc, char** argv);

}  // namespace sda::bench

#endif  // SDA_TESTS_BENCHMARKS_BENCH_QUALITY_H_
