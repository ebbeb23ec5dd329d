#ifndef SDA_SERVICES_ADVISOR_CORE_TESTING_H_
#define SDA_SERVICES_ADVISOR_CORE_TESTING_H_

#include <cstdint>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>

#include "services/advisor/core/advice.h"
#include "services/advisor/core/spec.h"

// Shared by the tests of core: a small stand-in for the rules of training specs, and profiles.
namespace sda::advisor {

inline std::string CheckTestRange(const SpecValue& value, double min, double max) {
  const double number = std::holds_alternative<double>(value) ? std::get<double>(value)
                                                              : static_cast<double>(std::get<int64_t>(value));
  if (number >= min && number <= max) return "";
  return absl::StrCat("is ", ToText(value), "; must be in [", ToText(min), ", ", ToText(max), "]");
}

inline SpecRules TestRules() {
  SpecRules rules;
  rules.fields = {
      {"model.architecture", FieldType::kName, {"dlrm", "wide_deep", "deepfm", "dcnv2"}, "dlrm"},
      {"model.embedding_dim", FieldType::kInteger, {}, "16"},
      {"model.bottom_layers", FieldType::kList, {}, "[64]"},
      {"model.top_layers", FieldType::kList, {}, "[128, 64]"},
      {"model.interaction", FieldType::kName, {"dot", "cat"}, "dot"},
      {"model.dropout", FieldType::kReal, {}, "0"},
      {"training.batch_size", FieldType::kInteger, {}, "2048"},
      {"training.epochs", FieldType::kReal, {}, "1"},
      {"training.evaluations_per_epoch", FieldType::kInteger, {}, "1"},
      {"training.patience", FieldType::kInteger, {}, "0"},
      {"training.keep", FieldType::kName, {"best", "last"}, "best"},
      {"training.target_auc", FieldType::kReal, {}, ""},
      {"training.l2_sparse", FieldType::kReal, {}, "0"},
      {"training.shuffle", FieldType::kFlag, {}, "true"},
      {"optimizer.dense.algorithm",
       FieldType::kName,
       {"sgd", "adagrad", "rowwise_adagrad", "adam"},
       "adagrad"},
      {"optimizer.dense.learning_rate", FieldType::kReal, {}, "0.01"},
      {"optimizer.sparse.algorithm",
       FieldType::kName,
       {"sgd", "adagrad", "rowwise_adagrad", "adam"},
       "adagrad"},
      {"optimizer.sparse.learning_rate", FieldType::kReal, {}, "0.01"},
      {"optimizer.schedule.decay", FieldType::kName, {"none", "linear", "cosine"}, "none"},
  };
  rules.check_value = [fields = rules.fields](std::string_view path, const SpecValue& value) -> std::string {
    for (const SpecField& field : fields) {
      if (field.path != path) continue;
      if (field.type == FieldType::kReal) return CheckTestRange(value, 0, 100);
      if (field.type == FieldType::kInteger) return CheckTestRange(value, 0, 1048576);
      if (field.type != FieldType::kName) return "";
      for (const std::string& name : field.names) {
        if (name == std::get<std::string>(value)) return "";
      }
      return absl::StrCat("is \"", std::get<std::string>(value), "\"; must be one of its names");
    }
    return "is no field";
  };
  rules.check_values = [](const SpecValues& values) -> std::vector<FieldViolation> {
    const auto found = values.find("optimizer.dense.algorithm");
    if (found == values.end() || found->second != SpecValue(std::string("rowwise_adagrad"))) return {};
    return {{"optimizer.dense.algorithm", "is rowwise_adagrad; it has rows only for embeddings"}};
  };
  return rules;
}

// Click data with `tables` tables of `table_rows` rows each.
inline DatasetProfile TestProfile(int64_t rows, int dense, int tables, int64_t table_rows = 1000) {
  DatasetProfile profile;
  profile.dataset = "datasets/clicks";
  profile.train_rows = rows;
  profile.train_positives = rows / 4;
  profile.validation_rows = rows / 10;
  for (int i = 0; i < dense; ++i) profile.dense_columns.push_back(absl::StrCat("I", i + 1));
  for (int i = 0; i < tables; ++i)
    profile.categorical_columns.push_back({absl::StrCat("C", i + 1), table_rows});
  return profile;
}

inline WorkerProfile TestWorker(int64_t memory_bytes = int64_t{8} << 30) {
  WorkerProfile worker;
  worker.machine = {.cpu_model = "Example CPU",
                    .core_count = 2,
                    .memory_bytes = memory_bytes,
                    .isa = {"avx2"},
                    .matmul_gflops = 40,
                    .memory_gb_per_second = 10};
  return worker;
}

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_CORE_TESTING_H_
