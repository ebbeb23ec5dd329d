#ifndef SDA_SERVICES_PREPROCESSING_CORE_COLUMN_SAMPLE_H_
#define SDA_SERVICES_PREPROCESSING_CORE_COLUMN_SAMPLE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_set.h>
#include <absl/status/statusor.h>

#include "services/preprocessing/core/missing_test.h"
#include "services/preprocessing/core/row_source.h"

namespace sda::preprocessing {

// What the first rows tell about one column.
class ColumnSample {
 public:
  // A field that is not missing.
  void Add(std::string_view value);
  void AddMissing() { ++missing_; }

  int64_t values() const { return values_; }
  int64_t missing() const { return missing_; }
  int64_t distinct() const { return static_cast<int64_t>(distinct_.size()); }
  bool all_numbers() const { return numbers_ == values_; }
  bool all_integers() const { return integers_ == values_; }  // whole numbers, however written
  bool all_times() const { return times_ == values_; }        // ISO 8601, and not plain numbers
  // Hashes in hexadecimal of one length, at least one with a letter or a leading zero.
  bool all_hashes() const { return hashes_ == values_ && telling_hashes_ > 0; }
  bool any_leading_zero() const { return leading_zeros_ > 0; }  // a whole number as "007"
  double min() const { return min_; }                           // of the numbers
  double max() const { return max_; }

 private:
  int64_t values_ = 0;
  int64_t missing_ = 0;
  int64_t numbers_ = 0;
  int64_t integers_ = 0;
  int64_t times_ = 0;
  int64_t hashes_ = 0;
  int64_t telling_hashes_ = 0;
  int64_t leading_zeros_ = 0;
  size_t hash_length_ = 0;
  double min_ = 0;
  double max_ = 0;
  absl::flat_hash_set<std::string> distinct_;
};

struct InputSample {
  int64_t rows = 0;
  bool complete = false;  // the sample is all there is
  std::vector<ColumnSample> columns;
};

// Reads the first `rows` rows. Errors name file, line and column.
absl::StatusOr<InputSample> ReadSample(const std::vector<InputFile>& files, const InputLayout& layout,
                                       const MissingTest& missing, int64_t rows);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_COLUMN_SAMPLE_H_
