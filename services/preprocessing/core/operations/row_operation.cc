#include "services/preprocessing/core/operations/row_operation.h"

namespace sda::preprocessing {
namespace {

static_assert(static_cast<int>(pipeline::SplitName::kTrain) == static_cast<int>(Split::kTrain));
static_assert(static_cast<int>(pipeline::SplitName::kValidation) == static_cast<int>(Split::kValidation));
static_assert(static_cast<int>(pipeline::SplitName::kTest) == static_cast<int>(Split::kTest));

template <class Value>
void KeepRows(std::vector<Value>& values, const std::vector<uint8_t>& flags) {
  size_t kept = 0;
  for (size_t row = 0; row < flags.size(); ++row) {
    if (flags[row]) values[kept++] = values[row];
  }
  values.resize(kept);
}

}  // namespace

void BatchRows::Keep(const std::vector<uint8_t>& flags) {
  KeepRows(numbers, flags);
  KeepRows(lines, flags);
  KeepRows(labels, flags);
  KeepRows(splits, flags);
}

std::unique_ptr<RowOperation> MakeRowOperation(const pipeline::Node& node, const RowSettings& settings) {
  if (const auto* filter = std::get_if<pipeline::Filter>(&node.operation)) return NewFilter(*filter);
  if (const auto* sample = std::get_if<pipeline::SampleNegatives>(&node.operation))
    return NewSampleNegatives(*sample, settings.seed);
  if (const auto* distinct = std::get_if<pipeline::Distinct>(&node.operation)) return NewDistinct(*distinct);
  if (const auto* sort = std::get_if<pipeline::Sort>(&node.operation))
    return NewSort(*sort, node.inputs.size());
  return NewSplitRows(std::get<pipeline::SplitRows>(node.operation), settings);
}

}  // namespace sda::preprocessing
