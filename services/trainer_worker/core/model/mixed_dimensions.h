#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_MIXED_DIMENSIONS_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_MIXED_DIMENSIONS_H_

#include <cstdint>
#include <span>
#include <vector>

namespace sda::trainer {

// Widths of embedding tables that shrink with their rows n_i (Ginart et al. 2019, "Mixed Dimension
// Embeddings"):
//   λ = base · n_min^α;  d_i = max(1, round(λ · n_i^−α))
// so that the smallest table keeps `base`. Tables of at most `threshold` rows keep it as well. With
// power_of_two each d_i goes to the nearest power of two. α in [0, 1]; rows at least 1.
std::vector<int64_t> MixedDimensions(std::span<const int64_t> rows, int64_t base, double temperature,
                                     int64_t threshold, bool power_of_two);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_MIXED_DIMENSIONS_H_
