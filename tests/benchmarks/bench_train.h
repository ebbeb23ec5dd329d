#ifndef SDA_TESTS_BENCHMARKS_BENCH_TRAIN_H_
#define SDA_TESTS_BENCHMARKS_BENCH_TRAIN_H_

namespace sda::bench {

// `sda-bench train`: training steps of a DLRM on random inputs, by the code that trains trials (SGD, cross
// entropy), and beside it, in the same process, the ceilings that bound it: the rate of the matrix products
// over the model's own shapes, and memory bandwidth, sequential and by random rows. Arguments are those
// behind "train". Returns the exit code: 0, 1 when the work failed, 2 for bad arguments.
int BenchTrain(int argc, char** argv);

}  // namespace sda::bench

#endif  // SDA_TESTS_BENCHMARKS_BENCH_TRAIN_H_
