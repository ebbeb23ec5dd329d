#ifndef SDA_SERVICES_PREPROCESSING_CORE_SPARK_SPARK_PLAN_H_
#define SDA_SERVICES_PREPROCESSING_CORE_SPARK_SPARK_PLAN_H_

#include <cstdint>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "services/preprocessing/core/dataset_output.h"
#include "services/preprocessing/core/dataset_plan.h"

namespace sda::preprocessing {

// Where a dataset that Apache Spark makes comes to lie, and how it is cut into tasks. docs/spark.md.
struct SparkJob {
  std::string root;     // of the artefacts: an absolute path or a URI that all executors reach
  std::string dataset;  // "datasets/{d}"
  std::string staging;  // folder below the root for what the job keeps meanwhile, "datasets/{d}/spark-…"
  int64_t block_bytes = kDefaultBlockBytes;  // of input text in one task

  static constexpr int64_t kDefaultBlockBytes = int64_t{32} << 20;
};

// As PlanDataset, for a spec with a pipeline, but reads only the beginning of the first file: what a split by
// time has to know is left to the job. INVALID_ARGUMENT for a spec without a pipeline.
absl::StatusOr<DatasetPlan> PlanForSpark(const DatasetSpec& spec);

// In the job's staging folder.
inline constexpr char kSparkPlanFile[] = "plan.json";

// Writes everything the job on the cluster has to know to `staging`, its staging folder: the tables of joins
// and, last, a JSON object with files, layout, the compiled program and the schedule of its passes.
absl::Status WriteSparkPlan(const DatasetPlan& plan, const SparkJob& job, DatasetOutput& staging);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_SPARK_SPARK_PLAN_H_
