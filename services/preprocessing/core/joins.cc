#include "services/preprocessing/core/joins.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/pipeline/program.h"
#include "services/preprocessing/core/block_runner.h"
#include "services/preprocessing/core/errors.h"
#include "services/preprocessing/core/layout_detection.h"
#include "services/preprocessing/core/memory_plan.h"
#include "services/preprocessing/core/row_screen.h"

namespace sda::preprocessing {
namespace {

using Names = std::vector<std::string>;

// A join against the columns of its files.
struct JoinPlan {
  std::string path;  // for messages: "pipeline.joins[0]"
  Input input;
  int key = 0;               // position of the key in the files
  std::vector<int> columns;  // positions of the columns to add
};

std::optional<int> PositionOf(const std::string& name, const Names& names) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<int>(found - names.begin());
}

FormatSpec FormatOf(const pipeline::Join& join, const Names& null_values) {
  FormatSpec format{.delimiter = join.delimiter, .null_values = null_values};
  if (join.header == pipeline::Join::Header::kPresent) format.header = FormatSpec::Header::kYes;
  if (join.header == pipeline::Join::Header::kAbsent) format.header = FormatSpec::Header::kNo;
  return format;
}

// Positions of the columns to add, in the order of the files. A pattern never takes the key.
absl::StatusOr<std::vector<int>> ChooseColumns(const pipeline::Join& join, const JoinPlan& plan) {
  const Names& columns = plan.input.layout.columns;
  std::vector<bool> chosen(columns.size(), join.columns.empty());
  chosen[static_cast<size_t>(plan.key)] = false;
  for (size_t i = 0; i < join.columns.size(); ++i) {
    const std::string& name = join.columns[i];
    const std::string field = absl::StrCat(plan.path, ".columns[", i, "]");
    if (const auto position = PositionOf(name, columns)) {
      chosen[static_cast<size_t>(*position)] = true;
      continue;
    }
    if (name.find_first_of("*?") == std::string::npos) return error::ColumnNotFound(field, name, columns);
    bool any = false;
    for (int c = 0; c < static_cast<int>(columns.size()); ++c) {
      if (c == plan.key || !pipeline::MatchesPattern(name, columns[static_cast<size_t>(c)])) continue;
      chosen[static_cast<size_t>(c)] = any = true;
    }
    if (!any)
      return InvalidField(field, absl::StrCat("is the pattern \"", name, "\", which no column matches"));
  }
  std::vector<int> positions;
  for (int c = 0; c < static_cast<int>(columns.size()); ++c) {
    if (chosen[static_cast<size_t>(c)]) positions.push_back(c);
  }
  if (positions.empty()) return InvalidField(plan.path, "adds no column; its files hold nothing but the key");
  return positions;
}

absl::Status CheckNames(const std::string& path, const Names& added, const Names& there) {
  Names clashes;
  for (const std::string& name : added) {
    if (std::find(there.begin(), there.end(), name) != there.end()) clashes.push_back(name);
  }
  if (clashes.empty()) return absl::OkStatus();
  return InvalidField(path, absl::StrCat("would add ", absl::StrJoin(clashes, ", "), ", which there ",
                                         clashes.size() == 1 ? "is" : "are",
                                         " already; give a prefix, or choose other columns"));
}

// Takes the rows of the files into a table.
class JoinReader final : public BlockWorker {
 public:
  JoinReader(const JoinPlan& plan, const MissingTest& missing, int64_t memory_bytes, JoinTable& table)
      : plan_(plan), missing_(missing), memory_bytes_(memory_bytes), table_(table) {}

  absl::Status Process(const CellBlock& cells, const BlockPlace& place) override {
    for (size_t row = 0; row < cells.rows; ++row) {
      const std::string_view field = cells.view(row, static_cast<size_t>(plan_.key));
      // As everywhere, missing equals nothing.
      if (missing_(field)) continue;
      SDA_RETURN_IF_ERROR(CheckText(cells, place, row, plan_.key));
      const int64_t twin =
          table_.AddKey(ValueTable::MakeKey(field.data(), static_cast<uint32_t>(field.size())));
      if (twin >= 0) return Duplicate(cells, place, row, twin);
      places_.push_back({place.file, place.first_line + cells.line(row)});
      for (size_t c = 0; c < plan_.columns.size(); ++c) {
        const int column = plan_.columns[c];
        const std::string_view value = cells.view(row, static_cast<size_t>(column));
        if (missing_(value)) {
          table_.AddMissing(c);
          continue;
        }
        SDA_RETURN_IF_ERROR(CheckText(cells, place, row, column));
        table_.AddValue(c, value);
      }
    }
    const auto places = static_cast<int64_t>(places_.capacity() * sizeof(Where));
    if (memory_bytes_ == 0 || table_.bytes() + places <= memory_bytes_) return absl::OkStatus();
    return MakeError(
        absl::StatusCode::kResourceExhausted,
        absl::StrCat(plan_.path, ": the first ", table_.rows(), " rows of ", plan_.input.files.front().path,
                     " take more than the ", memory_bytes_,
                     " bytes of memory that are left for joins; raise --memory-limit or name fewer columns"),
        {.reason = "MEMORY_LIMIT", .metadata = {}, .violations = {}});
  }

 private:
  struct Where {
    int file = 0;
    int64_t line = 0;
  };

  absl::Status CheckText(const CellBlock& cells, const BlockPlace& place, size_t row, int column) const {
    if (cells.ascii) return absl::OkStatus();
    const auto bad = RowRules::CheckText(cells.view(row, static_cast<size_t>(column)));
    if (!bad) return absl::OkStatus();
    return error::BadCell(PlaceOf(plan_.input, place, cells.line(row), column), bad->reason, bad->rule);
  }

  absl::Status Duplicate(const CellBlock& cells, const BlockPlace& place, size_t row, int64_t twin) const {
    const Where& first = places_[static_cast<size_t>(twin)];
    return error::BadCell(PlaceOf(plan_.input, place, cells.line(row), plan_.key), "DUPLICATE_KEY",
                          absl::StrCat("key ", error::Quoted(cells.view(row, static_cast<size_t>(plan_.key))),
                                       " stands in ", plan_.input.files[static_cast<size_t>(first.file)].path,
                                       ":", first.line, " too; a table to join has one row for each key"));
  }

  const JoinPlan& plan_;
  const MissingTest& missing_;
  const int64_t memory_bytes_;  // 0: no limit
  JoinTable& table_;
  std::vector<Where> places_;  // by row
};

}  // namespace

absl::StatusOr<std::vector<ReadyJoin>> MakeJoins(const std::vector<pipeline::Join>& joins,
                                                 const Names& log_columns, int label,
                                                 const Names& null_values, const RunSettings& settings) {
  std::vector<ReadyJoin> made;
  if (joins.empty()) return made;
  Names columns = log_columns;
  const MissingTest missing(null_values);
  SDA_ASSIGN_OR_RETURN(int64_t memory_bytes, JoinMemory(settings));
  for (const pipeline::Join& join : joins) {
    JoinPlan plan;
    plan.path = absl::StrCat("pipeline.joins[", made.size(), "]");
    ReadyJoin& ready = made.emplace_back();
    const auto key = PositionOf(join.key, columns);
    if (!key) return error::ColumnNotFound(plan.path + ".key", join.key, columns);
    if (*key == label) {
      return InvalidField(plan.path + ".key",
                          absl::StrCat("is \"", join.key, "\", the label; what depends on it is a leak"));
    }
    SDA_ASSIGN_OR_RETURN(plan.input.files, FindInputFiles(join.files));
    plan.input.first_test_file = static_cast<int>(plan.input.files.size());
    SDA_ASSIGN_OR_RETURN(plan.input.layout,
                         DetectLayout(plan.input.files, FormatOf(join, null_values), join.key_of_files()));
    const auto file_key = PositionOf(join.key_of_files(), plan.input.layout.columns);
    if (!file_key) {
      return error::ColumnNotFound(plan.path + (join.file_key.empty() ? ".key" : ".file_key"),
                                   join.key_of_files(), plan.input.layout.columns);
    }
    plan.key = *file_key;
    SDA_ASSIGN_OR_RETURN(plan.columns, ChooseColumns(join, plan));
    for (const int column : plan.columns)
      ready.names.push_back(join.prefix + plan.input.layout.columns[static_cast<size_t>(column)]);
    SDA_RETURN_IF_ERROR(CheckNames(plan.path, ready.names, columns));

    auto table = std::make_shared<JoinTable>(plan.columns.size());
    std::vector<std::unique_ptr<BlockWorker>> reader;
    reader.push_back(std::make_unique<JoinReader>(plan, missing, memory_bytes, *table));
    SDA_RETURN_IF_ERROR(RunBlocks(plan.input, absl::StrCat("join ", made.size()), 0, settings, reader));
    if (memory_bytes > 0) memory_bytes = std::max<int64_t>(memory_bytes - table->bytes(), 1);
    ready.key_column = *key;
    ready.first_column = static_cast<int>(columns.size());
    ready.files = std::move(plan.input.files);
    ready.table = std::move(table);
    columns.insert(columns.end(), ready.names.begin(), ready.names.end());
  }
  return made;
}

}  // namespace sda::preprocessing
