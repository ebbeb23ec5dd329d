#include "services/trainer_worker/core/model/mixed_dimensions.h"

#include <algorithm>
#include <cmath>

namespace sda::trainer {

std::vector<int64_t> MixedDimensions(std::span<const int64_t> rows, int64_t base, double temperature,
                                     int64_t threshold, bool power_of_two) {
  std::vector<int64_t> widths;
  if (rows.empty()) return widths;
  const auto smallest = static_cast<double>(*std::min_element(rows.begin(), rows.end()));
  const double lambda = static_cast<double>(base) * std::pow(smallest, temperature);
  for (int64_t n : rows) {
    int64_t width = base;
    if (n > threshold) {
      // The smallest table's own width is exactly `base`, which the two powers may miss by rounding.
      const double exact = lambda * std::pow(static_cast<double>(n), -temperature);
      width = std::clamp<int64_t>(std::llround(exact), 1, base);
    }
    if (power_of_two) width = int64_t{1} << std::llround(std::log2(static_cast<double>(width)));
    widths.push_back(width);
  }
  return widths;
}

}  // namespace sda::trainer
