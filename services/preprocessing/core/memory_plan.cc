#include "services/preprocessing/core/memory_plan.h"

#include <algorithm>
#include <numeric>
#include <string>

#include <absl/strings/str_cat.h>
#include <malloc.h>

#include "common/base/error.h"
#include "services/preprocessing/core/row_source.h"

namespace sda::preprocessing {
namespace {

// A block, its separators (4 bytes each) and its fields (8 bytes each), beside what decoding leaves on the
// heap.
constexpr int64_t kThreadBytes = 10 * static_cast<int64_t>(kBlockBytes);

// DenseStats at its largest, when it gives up exact counts.
constexpr int64_t kDenseBytes = 5 << 20;

// Below it a job would do nothing but spill.
constexpr int64_t kLeastTableBytes = 4 << 20;

// What the heap keeps although it is free, and small things.
constexpr int64_t kSlackBytes = 24 << 20;

// Of a column of a block while steps are applied to it: 17 bytes a value, of rows of at least 64 bytes.
constexpr int64_t kSlotBytes = static_cast<int64_t>(kBlockBytes) / 64 * 17;

bool LearnsQuantiles(const pipeline::Node& node) {
  if (!node.learns()) return false;
  const auto* fill = std::get_if<pipeline::FillMissing>(&node.operation);
  return std::holds_alternative<pipeline::QuantileBucket>(node.operation) ||
         (fill != nullptr && fill->strategy == pipeline::FillMissing::Strategy::kMedian);
}

absl::Status TooLittle(const std::string& what, int64_t memory_bytes, int64_t needed,
                       const std::string& instead) {
  return MakeError(
      absl::StatusCode::kResourceExhausted,
      absl::StrCat("the job may take ", memory_bytes, " bytes of memory; ", what, " it needs at least ",
                   needed, "; raise --memory-limit, or ", instead),
      {.reason = "MEMORY_LIMIT", .metadata = {{"needed_bytes", absl::StrCat(needed)}}, .violations = {}});
}

}  // namespace

absl::StatusOr<int64_t> JoinMemory(const RunSettings& settings) {
  if (settings.memory_bytes == 0) return 0;
  const int64_t fixed = kSlackBytes + settings.threads * kThreadBytes;
  if (settings.memory_bytes > fixed) return settings.memory_bytes - fixed;
  return TooLittle(absl::StrCat("with ", settings.threads, " threads and joins"), settings.memory_bytes,
                   fixed + 1, "use fewer threads");
}

absl::StatusOr<int64_t> TableMemory(const DatasetPlan& plan, const RunSettings& settings) {
  if (settings.memory_bytes == 0) return 0;
  const int64_t threads = settings.threads;
  const auto columns = static_cast<int64_t>(1 + plan.dense.size() + plan.categorical.size());
  const int64_t shard = plan.spec.shard_rows * 4 * columns;
  // Each split has one shard open, each thread may open the next one, and one more is in Arrow's hands.
  const int64_t encode = static_cast<int64_t>(kSplits) * shard + threads * 2 * shard;
  const int64_t fit = threads * static_cast<int64_t>(plan.dense.size()) * kDenseBytes;
  const int64_t fixed = kSlackBytes + threads * kThreadBytes + std::max(encode, fit);
  if (settings.memory_bytes < fixed + kLeastTableBytes) {
    return TooLittle(absl::StrCat("with ", threads, " threads, shards of ", plan.spec.shard_rows,
                                  " rows and ", columns, " columns"),
                     settings.memory_bytes, fixed + kLeastTableBytes, "use fewer threads or smaller shards");
  }
  return settings.memory_bytes - fixed;
}

absl::StatusOr<PipelineMemory> PlanPipelineMemory(const DatasetPlan& plan, const RunSettings& settings) {
  if (settings.memory_bytes == 0) return PipelineMemory{};
  const pipeline::Program& program = *plan.program;
  const auto threads = static_cast<int64_t>(settings.threads);
  int64_t joins = 0;
  for (const ReadyJoin& join : plan.joins) joins += join.table->bytes();
  const auto columns = static_cast<int64_t>(1 + program.features.size());
  const auto mlperf = static_cast<int64_t>(program.mlperf_integers.size() + program.mlperf_categories.size());
  const int64_t shard = plan.spec.shard_rows * 4 * (columns + (mlperf > 0 ? 1 + mlperf : 0));
  // As without a pipeline; a Parquet file is made beside the shard.
  const int64_t forms = plan.spec.pipeline->output.parquet ? 3 : 2;
  const int64_t encode = static_cast<int64_t>(kSplits) * shard + threads * forms * shard +
                         threads * static_cast<int64_t>(program.dense_features) * kDenseBytes;
  int64_t quantiles = 0;
  for (const pipeline::Node& node : program.nodes) quantiles += LearnsQuantiles(node) ? 1 : 0;
  const int64_t fit = threads * quantiles * kDenseBytes;
  const int64_t slots = threads * static_cast<int64_t>(program.slots.size()) * kSlotBytes;
  const int64_t fixed = kSlackBytes + threads * kThreadBytes + slots + joins + std::max(encode, fit);
  if (settings.memory_bytes < fixed + kLeastTableBytes) {
    return TooLittle(absl::StrCat("with ", threads, " threads, shards of ", plan.spec.shard_rows, " rows, ",
                                  columns, " columns and ", program.nodes.size(), " operations"),
                     settings.memory_bytes, fixed + kLeastTableBytes, "use fewer threads or smaller shards");
  }
  const int64_t left = settings.memory_bytes - fixed;
  return PipelineMemory{left / 4 / threads, left / 2, left / 8};
}

absl::StatusOr<IdPasses> PlanIdPasses(const std::vector<int64_t>& bytes, const std::vector<bool>& in_memory,
                                      int64_t limit) {
  IdPasses passes;
  passes.last.assign(bytes.size(), true);
  if (limit == 0 || std::accumulate(bytes.begin(), bytes.end(), int64_t{0}) <= limit) return passes;
  int64_t left = limit;
  std::vector<size_t> order;
  for (size_t column = 0; column < bytes.size(); ++column) {
    if (in_memory[column]) {
      left -= bytes[column];
    } else {
      order.push_back(column);
    }
  }
  if (left < 0) {
    return MakeError(
        absl::StatusCode::kResourceExhausted,
        absl::StrCat("the tables of columns with lists take ", limit - left, " bytes of memory; ", limit,
                     " are left for them; raise --memory-limit or frequency_threshold"),
        {.reason = "MEMORY_LIMIT", .metadata = {}, .violations = {}});
  }
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return bytes[a] < bytes[b]; });
  // The small columns stay for the last pass; the others fill passes of their own, large ones in parts.
  int64_t room = 0;
  for (const size_t column : order) {
    if (bytes[column] <= left) {
      left -= bytes[column];
      continue;
    }
    left = 0;
    passes.last[column] = false;
    const int64_t parts = (bytes[column] + limit - 1) / limit;
    const int64_t part_bytes = (bytes[column] + parts - 1) / parts;
    for (int64_t part = 0; part < parts; ++part) {
      if (passes.before.empty() || room < part_bytes) {
        passes.before.emplace_back();
        room = limit;
      }
      passes.before.back().push_back({column, static_cast<uint32_t>(part), static_cast<uint32_t>(parts)});
      room -= part_bytes;
    }
  }
  return passes;
}

void ReleaseFreeMemory(const RunSettings& settings) {
  if (settings.memory_bytes > 0) ::malloc_trim(0);
}

}  // namespace sda::preprocessing
