#ifndef SDA_SERVICES_PREPROCESSING_CORE_OPERATIONS_FITTER_H_
#define SDA_SERVICES_PREPROCESSING_CORE_OPERATIONS_FITTER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/pipeline/operation.h"
#include "services/preprocessing/core/operations/learned.h"

namespace sda::preprocessing {

// The rows of a batch that a step may learn from.
struct LearningRows {
  std::vector<uint32_t> use;  // positions in the batch, ascending
  const std::vector<int64_t>& numbers;
  const std::vector<uint8_t>& labels;
};

// What one column operation learns from batches of rows: a partial state for each thread, merged at the end.
// The result depends on the rows alone, not on how they were cut into batches and dealt to threads, nor on
// what was spilled when. Not thread-safe.
class Fitter {
 public:
  virtual ~Fitter() = default;

  virtual void Add(const pipeline::InputColumns& in, const LearningRows& rows) = 0;

  // Memory that grows with the rows, and giving it back by writing what it holds to disk. Fitters whose
  // memory is bounded have none.
  virtual int64_t bytes() const { return 0; }
  virtual absl::Status Spill(const std::string& /*scratch_folder*/) { return absl::OkStatus(); }

  // `other` was made for the same node and is left without use.
  virtual absl::Status Merge(Fitter& other, const std::string& scratch_folder) = 0;

  virtual absl::StatusOr<Learned> Finish(const LearnSettings& settings) = 0;
};

// For a column operation that learns, whose first output is of type `output`. `seed` is the dataset's.
std::unique_ptr<Fitter> MakeFitter(const pipeline::Node& node, pipeline::ColumnType output, uint64_t seed);

// One function a file.
std::unique_ptr<Fitter> NewMomentsFitter(bool mean_only);
std::unique_ptr<Fitter> NewQuantilesFitter(int64_t parts, bool median);
std::unique_ptr<Fitter> NewMostFrequentFitter(pipeline::ColumnType type);
std::unique_ptr<Fitter> NewVocabularyFitter(const pipeline::VocabularyOptions& options);
std::unique_ptr<Fitter> NewCountFitter();
std::unique_ptr<Fitter> NewTargetFitter(const pipeline::TargetEncode& options, uint64_t seed);
std::unique_ptr<Fitter> NewMultiHotFitter(const pipeline::MultiHot& options);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_OPERATIONS_FITTER_H_
