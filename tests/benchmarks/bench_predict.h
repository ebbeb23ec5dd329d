#ifndef SDA_TESTS_BENCHMARKS_BENCH_PREDICT_H_
#define SDA_TESTS_BENCHMARKS_BENCH_PREDICT_H_

namespace sda::bench {

// sda-bench predict: callers that ask one model at the same time, each by itself and scored together.
int BenchPredict(int argc, char** argv);

}  // namespace sda::bench

#endif  // SDA_TESTS_BENCHMARKS_BENCH_PREDICT_H_
