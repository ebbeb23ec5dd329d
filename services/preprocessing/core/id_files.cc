#include "services/preprocessing/core/id_files.h"

#include <algorithm>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/base/status_macros.h"

namespace sda::preprocessing {
namespace {

struct LoadedUnit {
  IdUnit unit;
  ValueTable table;
};

class IdWorker final : public BlockWorker {
 public:
  IdWorker(const DatasetPlan& plan, const std::vector<LoadedUnit>& units, IdFiles& files)
      : plan_(plan), units_(units), files_(files), lookup_(plan.missing_test()) {}

  absl::Status Process(const CellBlock& cells, const BlockPlace& place) override {
    for (const LoadedUnit& loaded : units_) {
      const size_t column = loaded.unit.column;
      const auto position = static_cast<size_t>(plan_.categorical[column]);
      ids_.resize(cells.rows);
      if (loaded.unit.part == 0) {
        lookup_.Find(cells, position, loaded.table, ids_);
      } else {
        SDA_RETURN_IF_ERROR(files_.Read(column, place.first_row, ids_));
        lookup_.FindPart(cells, position, loaded.table, loaded.unit, ids_);
      }
      SDA_RETURN_IF_ERROR(files_.Write(column, place.first_row, ids_));
    }
    return absl::OkStatus();
  }

 private:
  const DatasetPlan& plan_;
  const std::vector<LoadedUnit>& units_;
  IdFiles& files_;
  IdLookup lookup_;
  std::vector<int32_t> ids_;
};

}  // namespace

void IdLookup::Find(const CellBlock& cells, size_t column, const ValueTable& table,
                    std::vector<int32_t>& ids) {
  keys_.clear();
  for (size_t row = 0; row < cells.rows; ++row) {
    const std::string_view field = cells.view(row, column);
    if (missing_(field)) {
      ids[row] = kMissingId;
      continue;
    }
    keys_.emplace_back(ValueTable::MakeKey(field.data(), static_cast<uint32_t>(field.size())), row);
    table.Prefetch(keys_.back().first);
  }
  for (const auto& [key, row] : keys_) ids[row] = static_cast<int32_t>(table.Find(key, kUnknownId));
}

void IdLookup::FindPart(const CellBlock& cells, size_t column, const ValueTable& table, const IdUnit& unit,
                        std::vector<int32_t>& ids) {
  keys_.clear();
  for (size_t row = 0; row < cells.rows; ++row) {
    const std::string_view field = cells.view(row, column);
    if (missing_(field)) continue;
    const auto key = ValueTable::MakeKey(field.data(), static_cast<uint32_t>(field.size()));
    if (PartOf(key.hash, unit.parts) != unit.part) continue;
    keys_.emplace_back(key, row);
    table.Prefetch(key);
  }
  for (const auto& [key, row] : keys_) ids[row] = static_cast<int32_t>(table.Find(key, kUnknownId));
}

absl::StatusOr<IdFiles> IdFiles::Make(const DatasetPlan& plan, const Fit& fit, const IdPasses& passes,
                                      const RunSettings& settings) {
  IdFiles files;
  files.files_.resize(plan.categorical.size());
  int number = 0;
  for (const auto& pass : passes.before) {
    std::vector<LoadedUnit> units;
    for (const IdUnit& unit : pass) {
      auto& file = files.files_[unit.column];
      if (!file) {
        SDA_ASSIGN_OR_RETURN(file, ScratchFile::Create(settings.scratch_folder));
      }
      SDA_ASSIGN_OR_RETURN(ValueTable table,
                           IndexVocabulary(fit.categorical[unit.column].vocabulary, unit.part, unit.parts));
      units.push_back({unit, std::move(table)});
    }
    std::vector<std::unique_ptr<BlockWorker>> workers;
    for (int i = 0; i < settings.threads; ++i)
      workers.push_back(std::make_unique<IdWorker>(plan, units, files));
    SDA_RETURN_IF_ERROR(RunBlocks(plan.input, absl::StrCat("ids ", ++number), fit.rows, settings, workers));
  }
  return files;
}

absl::Status IdFiles::Read(size_t column, int64_t first_row, std::vector<int32_t>& ids) const {
  constexpr int64_t kIdBytes = sizeof(int32_t);
  return files_[column]->ReadAt(first_row * kIdBytes, ids.data(), ids.size() * sizeof(int32_t));
}

absl::Status IdFiles::Write(size_t column, int64_t first_row, const std::vector<int32_t>& ids) {
  constexpr int64_t kIdBytes = sizeof(int32_t);
  return files_[column]->WriteAt(first_row * kIdBytes, ids.data(), ids.size() * sizeof(int32_t));
}

}  // namespace sda::preprocessing
