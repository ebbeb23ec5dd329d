#ifndef SDA_TESTS_BENCHMARKS_MACHINE_CEILINGS_H_
#define SDA_TESTS_BENCHMARKS_MACHINE_CEILINGS_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "services/trainer_worker/core/kernels/gemm.h"
#include "services/trainer_worker/core/model/dlrm.h"
#include "services/trainer_worker/core/training/thread_team.h"

// What this machine can do at most, measured on the team that trains, in the process that trains.
namespace sda::bench {

// One product of a training step, all threads' slices of the batch at once.
struct MeasuredProduct {
  std::string name;  // "forward 512x367", "input_gradient …" or "weight_gradient …", the layer as out x in
  double flops = 0;
  std::map<std::string, double> seconds;  // by variant
};

// The products of one training step of the model: for each layer the three of forward and backward, by each
// variant at the precision, on slices of the batch as training cuts it, operands warm as they are when
// nothing but this product runs.
std::vector<MeasuredProduct> MeasureProducts(const trainer::DlrmLayout& layout, int64_t batch,
                                             trainer::Precision precision, trainer::ThreadTeam& team);

// The rate of all of them, each by the variant that is fastest at it, in GFLOP/s.
double BestGflops(const std::vector<MeasuredProduct>& products);

// Random rows of `dim` floats summed from the whole of `table`, in bytes read a second (GB/s), the best of
// several prefetch distances.
double MeasureGatherGbPerS(std::span<const float> table, int64_t dim, trainer::ThreadTeam& team);

// a ← b + s·c over arrays far larger than any cache: three streams of bytes a second (GB/s), with ordinary
// stores or such that bypass the cache, whichever is faster.
double MeasureTriadGbPerS(trainer::ThreadTeam& team);

}  // namespace sda::bench

#endif  // SDA_TESTS_BENCHMARKS_MACHINE_CEILINGS_H_
