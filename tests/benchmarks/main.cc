#include <cstring>
#include <iostream>

#include "tests/benchmarks/bench_optimizer.h"
#include "tests/benchmarks/bench_predict.h"
#include "tests/benchmarks/bench_preprocess.h"
#include "tests/benchmarks/bench_quality.h"
#include "tests/benchmarks/bench_suggest.h"
#include "tests/benchmarks/bench_train.h"

// sda-bench AREA …: each area is a function of its own file; register it here.
namespace {

struct Area {
  const char* name;
  // Takes the arguments from the area's name on; returns the exit code.
  int (*run)(int argc, char** argv);
};

constexpr Area kAreas[] = {
    {"optimizer", sda::bench::BenchOptimizer},   {"predict", sda::bench::BenchPredict},
    {"preprocess", sda::bench::BenchPreprocess}, {"quality", sda::bench::BenchQuality},
    {"suggest", sda::bench::BenchSuggest},       {"train", sda::bench::BenchTrain},
};

int Usage() {
  std::cerr << "usage: sda-bench AREA [options]; AREA is one of:";
  for (const Area& area : kAreas) std::cerr << ' ' << area.name;
  std::cerr << "; sda-bench AREA --help tells the options\n";
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return Usage();
  for (const Area& area : kAreas) {
    if (std::strcmp(argv[1], area.name) == 0) return area.run(argc - 1, argv + 1);
  }
  return Usage();
}
