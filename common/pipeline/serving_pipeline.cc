#include <algorithm>

#include <absl/strings/str_cat.h>

#include "common/base/error.h"
#include "common/base/strings.h"
#include "common/pipeline/fitted_pipeline.h"

namespace sda::pipeline {

ServingPipeline::ServingPipeline(FittedPipeline fitted)
    : fitted_(std::move(fitted)),
      executor_(fitted_.program, fitted_.states),
      needed_(NodesFor(fitted_.program, fitted_.program.features)) {
  for (size_t i = 0; i < needed_.size(); ++i) {
    if (needed_[i]) executor_.Prepare(i);
  }
}

int ServingPipeline::FindColumn(std::string_view name) const {
  const auto& columns = fitted_.program.columns;
  const auto found = std::find(columns.begin(), columns.end(), name);
  return found == columns.end() ? -1 : static_cast<int>(found - columns.begin());
}

absl::StatusOr<FeatureRows> ServingPipeline::Apply(const std::vector<std::vector<Field>>& values,
                                                   size_t rows) const {
  const Program& program = fitted_.program;
  std::vector<ColumnData> slots(program.slots.size());
  // Hashing reads whole words, which a request's text need not have behind it.
  const auto arena = std::make_shared<TextArena>();
  for (size_t c = 0; c < program.columns.size(); ++c) {
    slots[c].Reset(ColumnType::kText, rows);
    if (values[c].empty()) {
      slots[c].missing.assign(rows, 1);
      continue;
    }
    for (size_t row = 0; row < rows; ++row) {
      slots[c].missing[row] = values[c][row].missing ? 1 : 0;
      slots[c].texts[row] = arena->Add(values[c][row].text);
    }
  }
  const RowContext context{rows, nullptr, nullptr, 0};
  for (size_t i = 0; i < program.nodes.size(); ++i) {
    if (!needed_[i]) continue;
    if (const auto problem = executor_.Run(i, slots, context)) {
      const Node& node = program.nodes[i];
      return InvalidField(absl::StrCat("columns[", program.slots[static_cast<size_t>(node.inputs[0])].name,
                                       "].values[", problem->row, "]"),
                          absl::StrCat(problem->rule, ", as ", program.Describe(node), " wants it"));
    }
  }
  FeatureRows features;
  for (size_t f = 0; f < program.features.size(); ++f) {
    const ColumnData& column = slots[static_cast<size_t>(program.features[f])];
    if (f < program.dense_features) {
      std::vector<float>& dense = features.dense.emplace_back(rows);
      for (size_t row = 0; row < rows; ++row) dense[row] = DenseValue(column, row);
    } else {
      FeatureRows::Ids& ids = features.categorical.emplace_back();
      ids.ids.assign(column.integers.begin(), column.integers.end());
      ids.offsets = column.offsets;
    }
  }
  return features;
}

int64_t ServingPipeline::bytes() const {
  int64_t bytes = 0;
  for (const NodeState& state : fitted_.states) {
    if (!state.table) continue;
    for (const std::string& value : state.table->values) bytes += static_cast<int64_t>(value.size() + 96);
  }
  return bytes;
}

}  // namespace sda::pipeline
