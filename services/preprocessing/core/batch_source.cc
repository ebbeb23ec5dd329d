#include "services/preprocessing/core/batch_source.h"

#include <algorithm>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "common/base/status_macros.h"
#include "services/preprocessing/core/batch_decoder.h"
#include "services/preprocessing/core/errors.h"

namespace sda::preprocessing {
namespace {

// Rows of a block; batches of files may be far larger.
constexpr int64_t kBlockRows = 2048;

absl::StatusOr<std::vector<std::string>> ColumnNames(const arrow::Schema& schema, const std::string& path) {
  std::vector<std::string> names;
  for (const auto& field : schema.fields()) {
    if (!HasText(*field->type())) {
      return error::BadFormat(
          path, absl::StrCat("column ", error::Quoted(field->name()), " has type ", field->type()->ToString(),
                             "; must be a number, text, a boolean, a date or a time"));
    }
    names.push_back(field->name());
  }
  return names;
}

class BatchSource final : public RowSource {
 public:
  BatchSource(std::vector<InputFile> files, InputLayout layout, OpenBatchFile open)
      : files_(std::move(files)), layout_(std::move(layout)), open_(open) {}

  absl::StatusOr<bool> Next(Block& block) override {
    while (next_file_ < files_.size()) {
      const InputFile& file = files_[next_file_];
      if (!reader_) SDA_RETURN_IF_ERROR(Open(file));
      if (!batch_ || next_row_ == batch_->num_rows()) {
        auto batch = reader_->Next();
        if (!batch.ok()) return error::InputUnreadable(file.path, batch.status().message());
        batch_ = *std::move(batch);
        next_row_ = 0;
        if (batch_) continue;
        if (!file_started_) return error::InputEmpty(file.path, "has no rows");
        Close();
        continue;
      }
      block.batch = batch_->Slice(next_row_, kBlockRows);
      next_row_ += block.batch->num_rows();
      block.index = next_block_++;
      block.file = static_cast<int>(next_file_);
      block.starts_file = !file_started_;
      block.header_lines = 0;
      block.input_bytes =
          finished_bytes_ + static_cast<int64_t>(reader_->share() * static_cast<double>(file.bytes));
      file_started_ = true;
      return true;
    }
    return false;
  }

  std::unique_ptr<BlockDecoder> NewDecoder() const override { return NewBatchDecoder(); }

 private:
  absl::Status Open(const InputFile& file) {
    SDA_ASSIGN_OR_RETURN(reader_, open_(file));
    SDA_ASSIGN_OR_RETURN(const auto columns, ColumnNames(*reader_->schema(), file.path));
    if (columns != layout_.columns) {
      return error::BadFormat(file.path, absl::StrCat("has columns ", absl::StrJoin(columns, ", "),
                                                      "; must have those of the first file, ",
                                                      absl::StrJoin(layout_.columns, ", ")));
    }
    file_started_ = false;
    return absl::OkStatus();
  }

  void Close() {
    finished_bytes_ += files_[next_file_].bytes;
    reader_.reset();
    ++next_file_;
  }

  const std::vector<InputFile> files_;
  const InputLayout layout_;
  const OpenBatchFile open_;
  size_t next_file_ = 0;
  std::unique_ptr<BatchFile> reader_;
  std::shared_ptr<arrow::RecordBatch> batch_;  // that blocks are cut from
  int64_t next_row_ = 0;                       // in batch_
  bool file_started_ = false;
  int64_t next_block_ = 0;
  int64_t finished_bytes_ = 0;
};

}  // namespace

absl::StatusOr<std::vector<std::string>> BatchColumns(const InputFile& file, OpenBatchFile open) {
  SDA_ASSIGN_OR_RETURN(const auto reader, open(file));
  return ColumnNames(*reader->schema(), file.path);
}

std::unique_ptr<RowSource> OpenBatchSource(std::vector<InputFile> files, InputLayout layout,
                                           OpenBatchFile open) {
  return std::make_unique<BatchSource>(std::move(files), std::move(layout), open);
}

}  // namespace sda::preprocessing
