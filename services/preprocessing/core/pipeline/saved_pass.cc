#include "services/preprocessing/core/pipeline/saved_pass.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

#include <absl/strings/str_cat.h>
#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/result.h>
#include <nlohmann/json.hpp>

#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "services/preprocessing/core/pipeline/part_lookup.h"
#include "services/preprocessing/core/sealed_json.h"
#include "services/preprocessing/core/value_hash.h"

namespace sda::preprocessing {
namespace {

using Json = nlohmann::ordered_json;
using Offsets = std::array<int64_t, kSplits>;

constexpr size_t kBufferBytes = 256 * 1024;

// Appends to a file that is being published, and hashes it.
class Sections {
 public:
  explicit Sections(ArtefactWriter& writer) : writer_(writer) {}

  int64_t size() const { return size_; }

  absl::Status Add(const void* data, size_t bytes) {
    buffer_.append(static_cast<const char*>(data), bytes);
    size_ += static_cast<int64_t>(bytes);
    return buffer_.size() < kBufferBytes ? absl::OkStatus() : Flush();
  }

  template <class Value>
  absl::Status Add(std::span<const Value> values) {
    return Add(values.data(), values.size_bytes());
  }

  absl::StatusOr<std::string> Publish() {
    SDA_RETURN_IF_ERROR(Flush());
    SDA_RETURN_IF_ERROR(writer_.Publish());
    return sha256_.HexDigest();
  }

 private:
  absl::Status Flush() {
    sha256_.Update(buffer_);
    SDA_RETURN_IF_ERROR(writer_.Write(buffer_));
    buffer_.clear();
    return absl::OkStatus();
  }

  ArtefactWriter& writer_;
  Sha256 sha256_;
  std::string buffer_;
  int64_t size_ = 0;
};

// Reads a section from begin to end.
class SectionReader {
 public:
  SectionReader(arrow::io::RandomAccessFile& file, const Json& section, std::string path)
      : file_(file),
        path_(std::move(path)),
        next_(section.value("offset", int64_t{0})),
        end_(next_ + section.value("bytes", int64_t{0})) {}

  bool AtEnd() const { return taken_ == buffer_.size() && next_ >= end_; }

  // The next `size` bytes, valid until the next call.
  absl::StatusOr<std::string_view> Take(size_t size) {
    if (buffer_.size() - taken_ < size) {
      buffer_.erase(0, taken_);
      taken_ = 0;
      const auto wanted = static_cast<int64_t>(std::max(size, kBufferBytes) - buffer_.size());
      const auto read = file_.ReadAt(next_, std::min(wanted, end_ - next_));
      if (!read.ok()) return absl::UnavailableError(read.status().ToString());
      buffer_.append(std::string_view(**read));
      next_ += (*read)->size();
      if (buffer_.size() < size) return Unusable(path_, "ends inside a section");
    }
    const std::string_view taken(buffer_.data() + taken_, size);
    taken_ += size;
    return taken;
  }

  template <class Value>
  absl::Status Take(std::span<Value> values) {
    SDA_ASSIGN_OR_RETURN(const std::string_view bytes, Take(values.size_bytes()));
    if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
    return absl::OkStatus();
  }

  int64_t left() const { return end_ - next_ + static_cast<int64_t>(buffer_.size() - taken_); }

 private:
  arrow::io::RandomAccessFile& file_;
  const std::string path_;
  int64_t next_;
  const int64_t end_;
  std::string buffer_;
  size_t taken_ = 0;
};

std::string JsonPath(size_t number) {
  return absl::StrCat("fit/pass-", number + 1, ".json");
}
std::string BinaryPath(size_t number) {
  return absl::StrCat("fit/pass-", number + 1, ".bin");
}

size_t FoldsOf(const pipeline::Node& node) {
  const auto* target = std::get_if<pipeline::TargetEncode>(&node.operation);
  return target != nullptr && !node.is_row_operation() ? static_cast<size_t>(target->folds) : 0;
}

// What `write` appends, as the place of a section.
template <class Write>
absl::StatusOr<Json> Section(Sections& sections, const Write& write) {
  Json json = {{"offset", sections.size()}};
  SDA_RETURN_IF_ERROR(write());
  json["bytes"] = sections.size() - json["offset"].get<int64_t>();
  return json;
}

absl::StatusOr<Json> SaveTable(const pipeline::NodeState& state, const StoredTable* stored, size_t folds,
                               Sections& sections) {
  const auto add = [&](const TableEntry& entry) {
    const std::array<int64_t, 3> head{static_cast<int64_t>(entry.value.size()), entry.count, entry.positives};
    SDA_RETURN_IF_ERROR(sections.Add(std::span<const int64_t>(head)));
    SDA_RETURN_IF_ERROR(sections.Add(entry.fold_counts));
    SDA_RETURN_IF_ERROR(sections.Add(entry.fold_positives));
    return sections.Add(entry.value.data(), entry.value.size());
  };
  return Section(sections, [&] {
    return stored != nullptr ? stored->ForEach(add) : ForEachEntry(*state.table, folds, add);
  });
}

absl::Status LoadTable(SectionReader reader, size_t folds, const LearnSettings& settings, Learned& learned) {
  TableBuilder table(settings, folds);
  std::array<int64_t, 3> head{};
  std::vector<int64_t> numbers(2 * folds);
  std::string value;
  while (!reader.AtEnd()) {
    SDA_RETURN_IF_ERROR(reader.Take(std::span<int64_t>(head)));
    SDA_RETURN_IF_ERROR(reader.Take(std::span<int64_t>(numbers)));
    SDA_ASSIGN_OR_RETURN(const std::string_view bytes, reader.Take(static_cast<size_t>(head[0])));
    value.assign(bytes).append(kInlineValueBytes, '\0');
    SDA_RETURN_IF_ERROR(table.Add({std::string_view(value).substr(0, bytes.size()), head[1], head[2],
                                   std::span<const int64_t>(numbers).first(folds),
                                   std::span<const int64_t>(numbers).last(folds)}));
  }
  return table.Finish(learned);
}

absl::StatusOr<Json> SaveNotes(const RowNotes& notes, Sections& sections) {
  constexpr int64_t kRowsAtOnce = 65'536;
  SDA_ASSIGN_OR_RETURN(
      Json json, Section(sections, [&] {
        std::string bytes;
        for (int64_t row = 0; row < notes.rows(); row += kRowsAtOnce) {
          SDA_RETURN_IF_ERROR(notes.ReadBytes(row, std::min(row + kRowsAtOnce, notes.rows()), bytes));
          SDA_RETURN_IF_ERROR(sections.Add(bytes.data(), bytes.size()));
        }
        return absl::OkStatus();
      }));
  json["width"] = notes.width();
  json["rows"] = notes.rows();
  return json;
}

absl::Status LoadNotes(SectionReader reader, const Json& json, const LearnSettings& settings,
                       RowState& state) {
  RowNotesBuilder notes(json.value("width", size_t{1}), json.value("rows", int64_t{0}), settings);
  while (!reader.AtEnd()) {
    SDA_ASSIGN_OR_RETURN(const std::string_view bytes,
                         reader.Take(std::min(static_cast<size_t>(reader.left()), kBufferBytes)));
    SDA_RETURN_IF_ERROR(notes.Append(bytes));
  }
  SDA_ASSIGN_OR_RETURN(state.notes, notes.Finish());
  return absl::OkStatus();
}

// By their bits: they may be infinite, and come back as they were.
Json ToBits(const std::vector<double>& numbers) {
  Json bits = Json::array();
  for (const double number : numbers) bits.push_back(std::bit_cast<uint64_t>(number));
  return bits;
}

std::vector<double> FromBits(const Json& json) {
  std::vector<double> numbers;
  for (const Json& bits : json) numbers.push_back(std::bit_cast<double>(bits.get<uint64_t>()));
  return numbers;
}

absl::StatusOr<Json> SaveNode(const PipelineState& state, size_t node, Sections& sections) {
  Json json = {{"node", node}};
  const pipeline::Node& what = state.program.nodes[node];
  if (what.is_row_operation()) {
    const RowState& row = state.rows[node];
    json["numbers"] = ToBits({row.time_bound});
    json["last_part"] = {row.last_part_begin, row.last_part_middle};
    if (row.notes) {
      SDA_ASSIGN_OR_RETURN(json["notes"], SaveNotes(*row.notes, sections));
    }
    return json;
  }
  const pipeline::NodeState& learned = state.nodes[node];
  json["numbers"] = ToBits(learned.numbers);
  if (learned.text) json["text"] = *learned.text;
  json["fold_rows"] = learned.fold_rows;
  json["fold_positives"] = learned.fold_positives;
  if (learned.table || state.stored[node]) {
    SDA_ASSIGN_OR_RETURN(json["table"],
                         SaveTable(learned, state.stored[node].get(), FoldsOf(what), sections));
  }
  return json;
}

// What a saved pass holds, read completely before any of it is taken.
struct LoadedPass {
  std::vector<std::pair<size_t, Learned>> columns;
  std::vector<std::pair<size_t, RowState>> rows;
  int64_t memory_bytes = 0;
};

absl::Status LoadNode(const Json& json, size_t node, const PipelineState& state,
                      arrow::io::RandomAccessFile& file, const std::string& path,
                      const LearnSettings& settings, LoadedPass& loaded) {
  LearnSettings left = settings;
  if (left.table_bytes > 0)
    left.table_bytes =
        std::max<int64_t>(settings.table_bytes - state.memory_bytes() - loaded.memory_bytes, 1);
  const pipeline::Node& what = state.program.nodes[node];
  if (what.is_row_operation()) {
    RowState row;
    row.time_bound = FromBits(json.at("numbers")).at(0);
    row.last_part_begin = json.at("last_part").at(0);
    row.last_part_middle = json.at("last_part").at(1);
    if (json.contains("notes")) {
      const Json& notes = json["notes"];
      SDA_RETURN_IF_ERROR(LoadNotes(SectionReader(file, notes, path), notes, left, row));
      loaded.memory_bytes += row.notes->memory_bytes();
    }
    loaded.rows.emplace_back(node, std::move(row));
    return absl::OkStatus();
  }
  Learned learned;
  if (json.contains("table")) {
    SDA_RETURN_IF_ERROR(LoadTable(SectionReader(file, json["table"], path), FoldsOf(what), left, learned));
    if (learned.stored && !CanBeNoted(what)) return Unusable(path, "has a table of a step that takes none");
    if (learned.state.table && settings.table_bytes > 0) {
      for (const std::string& value : learned.state.table->values)
        loaded.memory_bytes += TableBuilder::MemoryOf(value, FoldsOf(what));
    }
  }
  learned.state.numbers = FromBits(json.at("numbers"));
  if (json.contains("text")) learned.state.text = json["text"].get<std::string>();
  learned.state.fold_rows = json.at("fold_rows").get<std::vector<int64_t>>();
  learned.state.fold_positives = json.at("fold_positives").get<std::vector<int64_t>>();
  loaded.columns.emplace_back(node, std::move(learned));
  return absl::OkStatus();
}

absl::Status LoadCounts(const Json& json, arrow::io::RandomAccessFile& file, const std::string& path,
                        PipelineState& state) {
  SectionReader reader(file, json, path);
  std::vector<Offsets> blocks(static_cast<size_t>(reader.left()) / sizeof(Offsets));
  SDA_RETURN_IF_ERROR(reader.Take(std::span<Offsets>(blocks)));
  state.block_offsets = std::move(blocks);
  for (size_t s = 0; s < kSplits; ++s) {
    state.split_rows[s] = json.at("splits").at(s).at(0);
    state.split_positives[s] = json.at("splits").at(s).at(1);
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<std::string> SavedPaths(size_t number) {
  return {JsonPath(number), BinaryPath(number)};
}

absl::Status SavePass(const std::string& key, const PassSchedule::Pass& pass, size_t number,
                      const PipelineState& state, DatasetOutput& output) {
  SDA_ASSIGN_OR_RETURN(const auto writer, output.Create(BinaryPath(number)));
  Sections sections(*writer);
  Json json = {{"key", key}, {"nodes", Json::array()}};
  for (size_t node = 0; node < pass.learn.size(); ++node) {
    if (!pass.learn[node]) continue;
    SDA_ASSIGN_OR_RETURN(Json saved, SaveNode(state, node, sections));
    json["nodes"].push_back(std::move(saved));
  }
  if (pass.count) {
    SDA_ASSIGN_OR_RETURN(json["counts"], Section(sections, [&] {
                           return sections.Add(std::span<const Offsets>(state.block_offsets));
                         }));
    for (size_t s = 0; s < kSplits; ++s)
      json["counts"]["splits"].push_back({state.split_rows[s], state.split_positives[s]});
  }
  SDA_ASSIGN_OR_RETURN(json["sha256"], sections.Publish());
  return output.Write(JsonPath(number), SealJson(json));
}

absl::Status LoadPass(const std::string& key, const PassSchedule::Pass& pass, size_t number,
                      const LearnSettings& settings, PipelineState& state, DatasetOutput& output) {
  const std::string path = JsonPath(number);
  SDA_ASSIGN_OR_RETURN(const std::string text, output.Read(path));
  SDA_ASSIGN_OR_RETURN(const Json json, UnsealJson(text, path));
  if (json.value("key", "") != key) return Unusable(path, "is of another job");
  SDA_ASSIGN_OR_RETURN(const auto file, output.Open(BinaryPath(number)));
  SDA_ASSIGN_OR_RETURN(const FileDigest digest, DigestOf(*file));
  if (digest.sha256 != json.value("sha256", "")) return Unusable(path, "names other tables");
  // From here on both files are what SavePass wrote for these options.
  const Json& nodes = json.at("nodes");
  LoadedPass loaded;
  size_t next = 0;
  for (size_t node = 0; node < pass.learn.size(); ++node) {
    if (!pass.learn[node]) continue;
    if (next == nodes.size() || nodes[next].value("node", size_t{0}) != node)
      return Unusable(path, "is of other steps");
    SDA_RETURN_IF_ERROR(LoadNode(nodes[next++], node, state, *file, path, settings, loaded));
  }
  if (pass.count) SDA_RETURN_IF_ERROR(LoadCounts(json.at("counts"), *file, path, state));
  for (auto& [node, learned] : loaded.columns) state.Take(node, std::move(learned));
  for (auto& [node, row] : loaded.rows) state.rows[node] = std::move(row);
  return absl::OkStatus();
}

}  // namespace sda::preprocessing
