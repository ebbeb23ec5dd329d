#ifndef SDA_TESTS_BENCHMARKS_BENCH_SUGGEST_H_
#define SDA_TESTS_BENCHMARKS_BENCH_SUGGEST_H_

namespace sda::bench {

// `sda-bench suggest`: how good suggestions are on known problems and what one costs. Runs experiments of the
// given budget for several seeds, as the optimizer service would, and reports the best value or hypervolume
// reached; with --observations it only times suggestions with that many finished trials. Arguments are those
// behind "suggest". Returns the exit code: 0, or 2 for bad arguments.
int BenchSuggest(int argc, char** argv);

}  // namespace sda::bench

#endif  // SDA_TESTS_BENCHMARKS_BENCH_SUGGEST_H_
