#ifndef SDA_SERVICES_PREPROCESSING_CORE_SPLIT_H_
#define SDA_SERVICES_PREPROCESSING_CORE_SPLIT_H_

#include <array>
#include <cstdint>
#include <string_view>

#include <absl/status/statusor.h>

#include "common/base/row_hash.h"
#include "services/preprocessing/core/block_runner.h"
#include "services/preprocessing/core/dataset_spec.h"

namespace sda::preprocessing {

enum class Split : uint8_t { kTrain, kValidation, kTest };
inline constexpr size_t kSplits = 3;
inline constexpr std::array<const char*, kSplits> kSplitNames = {"train", "validation", "test"};

// Deals rows to the splits:
//
//   test        rows of test files if there are any; else where
//     fraction    unit(hash(seed, kTestSplit, row)) < test_share
//     hash        unit(hash(seed, kKeySplit, bytes of the value)) < test_share
//     time        time > the latest time of the training part (see FindTimeBound)
//   validation  of the others, unit(hash(seed, kValidationSplit, row)) < validation_share
//   train       the rest
class Splitter {
 public:
  // `time_bound` is for splits by time.
  Splitter(const DatasetSpec& spec, double time_bound)
      : split_(spec.split),
        seed_(static_cast<uint64_t>(spec.seed)),
        time_bound_(time_bound),
        test_files_(!spec.test_uris.empty()) {}

  // `key` is the row's field in the split's column.
  Split Assign(int64_t row, bool in_test_file, std::string_view key) const {
    if (test_files_ ? in_test_file : IsTest(row, key)) return Split::kTest;
    const double draw = ToUnit(HashRow(seed_, RandomStream::kValidationSplit, static_cast<uint64_t>(row)));
    return draw < split_.validation_share ? Split::kValidation : Split::kTrain;
  }

  bool by_column() const { return !test_files_ && split_.kind != SplitSpec::Kind::kFraction; }

 private:
  bool IsTest(int64_t row, std::string_view key) const;

  const SplitSpec split_;
  const uint64_t seed_;
  const double time_bound_;
  const bool test_files_;
};

// For a split by time: the bound such that the rows later than it are at most test_share of all; rows of the
// same time stay together. Goes through the input once and keeps 8 bytes for each row. `column` is the
// position of the time column. BAD_TIME names the place of a field that is not a time.
absl::StatusOr<double> FindTimeBound(const Input& input, int column, double test_share,
                                     const RunSettings& settings);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_SPLIT_H_
