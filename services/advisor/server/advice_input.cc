#include "services/advisor/server/advice_input.h"

#include <algorithm>

#include "common/base/status_macros.h"
#include "services/advisor/server/recipe_proto.h"

namespace sda::advisor {
namespace {

int64_t RowsOf(const preprocessing::v1::Profile& profile, const std::string& split) {
  const auto found = profile.splits().find(split);
  return found == profile.splits().end() ? 0 : found->second.rows_count();
}

}  // namespace

DatasetProfile ToProfile(const preprocessing::v1::Dataset& dataset) {
  using preprocessing::v1::ColumnSpec;
  DatasetProfile profile;
  profile.dataset = dataset.name();
  profile.train_rows = RowsOf(dataset.profile(), "train");
  profile.validation_rows = RowsOf(dataset.profile(), "validation");
  const auto train = dataset.profile().splits().find("train");
  if (train != dataset.profile().splits().end())
    profile.train_positives = train->second.positive_rows_count();
  for (const auto& column : dataset.profile().columns()) {
    if (column.role() == ColumnSpec::ROLE_DENSE) profile.dense_columns.push_back(column.name());
    if (column.role() == ColumnSpec::ROLE_CATEGORICAL) {
      profile.categorical_columns.push_back({column.name(), column.table_rows_count()});
    }
  }
  return profile;
}

WorkerProfile ToWorkerProfile(const trainer::v1::Worker& worker) {
  return {.machine = FromProto(worker.machine()),
          .slots = std::max(worker.slot_count(), 1),
          .threads_per_slot = std::max(worker.threads_per_slot(), 1)};
}

AdviceRequest ToAdviceRequest(const v1::RecipeAdvice& advice, const preprocessing::v1::Dataset& dataset,
                              const trainer::v1::Worker& worker) {
  return {.profile = ToProfile(dataset),
          .worker = ToWorkerProfile(worker),
          .goal = FromProto(advice.goal()),
          .model = advice.model().empty() ? "dlrm" : advice.model(),
          .observation_budget = advice.observation_budget(),
          .parallel_bandwidth = std::max(advice.parallel_bandwidth(), 1),
          .seed = advice.seed()};
}

absl::StatusOr<v1::Recipe> AdviseFor(const v1::RecipeAdvice& advice,
                                     const preprocessing::v1::Dataset& dataset,
                                     const trainer::v1::Worker& worker) {
  SDA_ASSIGN_OR_RETURN(const Recipe recipe, Advise(ToAdviceRequest(advice, dataset, worker)));
  v1::Recipe proto = ToProto(recipe);
  proto.mutable_spec()->set_dataset_manifest_uri(dataset.manifest_uri());
  proto.mutable_spec()->set_dataset_manifest_sha256(dataset.manifest_sha256());
  return proto;
}

}  // namespace sda::advisor
