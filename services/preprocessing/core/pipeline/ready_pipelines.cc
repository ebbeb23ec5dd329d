#include "services/preprocessing/core/pipeline/ready_pipelines.h"

namespace sda::preprocessing {
namespace {

constexpr char kCriteoDlrm[] =
    R"(# Criteo Kaggle as facebookresearch/dlrm prepares it: missing is 0, negative counts are 0, a dictionary a
# column in order of first appearance over all rows, the last seventh halved into test and validation.
version: 1
name: criteo_dlrm
label: label
steps:
  - {operation: split, by: last_part, parts: 7}
  - {operation: cast, inputs: ["I*"], to: integer}
  - {operation: fill_missing, inputs: ["I*"], value: 0}
  - {operation: clip, inputs: ["I*"], min: 0}
  - {operation: log, inputs: ["I*"], suffix: _log}
  - {operation: hex_to_integer, inputs: ["C*"]}
  - {operation: fill_missing, inputs: ["C*"], value: 0}
  - operation: categorify
    inputs: ["C*"]
    order: first_appearance
    frequency_threshold: 1
    reserve_missing: false
    reserve_unknown: false
    fit_on: all
output:
  features: ["I*_log", "C*"]
  mlperf_binary: {integers: ["I?", "I??"], categories: ["C*"]}
)";

constexpr char kMlperf[] =
    R"(# Criteo Terabyte as MLPerf's DLRM takes it: as criteo_dlrm, hashes modulo 40,000,000; with --test day_23 that day
# is halved into test and validation.
version: 1
name: mlperf
label: label
steps:
  - {operation: split, by: last_part, parts: 24}
  - {operation: cast, inputs: ["I*"], to: integer}
  - {operation: fill_missing, inputs: ["I*"], value: 0}
  - {operation: clip, inputs: ["I*"], min: 0}
  - {operation: log, inputs: ["I*"], suffix: _log}
  - {operation: hex_to_integer, inputs: ["C*"], modulus: 40000000}
  - {operation: fill_missing, inputs: ["C*"], value: 0}
  - operation: categorify
    inputs: ["C*"]
    order: first_appearance
    frequency_threshold: 1
    reserve_missing: false
    reserve_unknown: false
    fit_on: all
output:
  features: ["I*_log", "C*"]
  mlperf_binary: {integers: ["I?", "I??"], categories: ["C*"]}
)";

constexpr char kMovielens[] =
    R"(# MovieLens ratings (user::movie::rating::time, no header): four stars and more are positive, each user's last
# rating is for testing, the one before for validation.
version: 1
name: movielens
label: c2
positive_values: ["4", "5"]
steps:
  - {operation: split, by: leave_last_out, inputs: [c0, c3]}
  - {operation: date_parts, inputs: [c3], parts: [hour, weekday, days]}
  - {operation: count_encode, inputs: [c0, c1], suffix: _ratings}
  - {operation: target_encode, inputs: [c0, c1], suffix: _liked, smoothing: 10}
  - {operation: log, inputs: ["*_ratings"]}
  - {operation: standardise, inputs: ["*_ratings", "*_liked", c3_days]}
  - {operation: categorify, inputs: [c0, c1], frequency_threshold: 2}
  - {operation: categorify, inputs: [c3_hour, c3_weekday], frequency_threshold: 1}
output:
  features: [c0, c1, c3_hour, c3_weekday, "*_ratings", "*_liked", c3_days]
)";

constexpr char kAdult[] =
    R"(# Census income (adult.data, adult.test; no header): incomes above 50K are positive.
version: 1
name: adult
label: c14
positive_values: [">50K", ">50K."]
steps:
  - {operation: cast, inputs: [c0, c2, c4, c10, c11, c12], to: number}
  - {operation: quantile_bucket, inputs: [c0], buckets: 10, outputs: [age_bucket]}
  - {operation: log, inputs: [c10, c11]}
  - {operation: fill_missing, inputs: [c0, c2, c4, c10, c11, c12], strategy: median}
  - {operation: standardise, inputs: [c0, c2, c4, c10, c11, c12]}
  - {operation: group_categorify, inputs: [c3, c6], outputs: [education_occupation], frequency_threshold: 10}
  - {operation: target_encode, inputs: [c6, c3], suffix: _income}
  - {operation: categorify, inputs: [c1, c3, c5, c6, c7, c8, c9, c13], frequency_threshold: 6}
)";

}  // namespace

const std::vector<ReadyPipeline>& ReadyPipelines() {
  static const auto* const pipelines = new std::vector<ReadyPipeline>{
      {"criteo_dlrm", "Criteo Kaggle as facebookresearch/dlrm prepares it, MLPerf rows included",
       kCriteoDlrm},
      {"mlperf", "Criteo Terabyte as MLPerf's DLRM takes it, MLPerf rows included", kMlperf},
      {"movielens", "MovieLens ratings: four stars and more are positive", kMovielens},
      {"adult", "Census income", kAdult},
  };
  return *pipelines;
}

const ReadyPipeline* FindReadyPipeline(std::string_view name) {
  for (const ReadyPipeline& pipeline : ReadyPipelines()) {
    if (pipeline.name == name) return &pipeline;
  }
  return nullptr;
}

}  // namespace sda::preprocessing
