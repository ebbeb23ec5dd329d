#include "clients/cli/commands/prediction_rows.h"

#include <algorithm>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "clients/cli/core/flag_values.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/base/utf8.h"
#include "services/preprocessing/core/errors.h"
#include "services/preprocessing/core/input_files.h"
#include "services/preprocessing/core/layout_detection.h"
#include "services/preprocessing/core/row_source.h"

namespace sda::cli {
namespace {

using preprocessing::Block;
using preprocessing::BlockDecoder;
using preprocessing::CellBlock;
using preprocessing::CellError;
using preprocessing::FormatSpec;
using preprocessing::InputFile;
using preprocessing::InputLayout;
using preprocessing::RowSource;

// Half of what a server takes by default.
constexpr size_t kBytesPerRequest = 8 << 20;
constexpr size_t kBytesPerValue = 4;  // what the wire adds to each, at most but for long ones

absl::StatusOr<FormatSpec> Format(const PredictionInput& input) {
  FormatSpec format;
  if (!input.delimiter.empty()) {
    SDA_ASSIGN_OR_RETURN(format.delimiter, ParseDelimiterFlag("--delimiter", input.delimiter));
  }
  if (input.header == "yes") {
    format.header = FormatSpec::Header::kYes;
  } else if (input.header == "no" || !input.columns.empty()) {
    format.header = FormatSpec::Header::kNo;
  } else if (!input.header.empty() && input.header != "auto") {
    return InvalidField("--header", absl::StrCat("'", input.header, "' is not one of yes, no, auto"));
  }
  return format;
}

class FileRows final : public PredictionRows {
 public:
  FileRows(std::vector<InputFile> files, InputLayout layout, const std::set<std::string>& wanted)
      : files_(std::move(files)),
        layout_(std::move(layout)),
        source_(preprocessing::OpenRowSource(files_, layout_)),
        decoder_(source_->NewDecoder()) {
    for (size_t i = 0; i < layout_.columns.size(); ++i) {
      if (wanted.empty() || wanted.count(layout_.columns[i]) > 0) sent_.push_back(i);
    }
    for (const std::string& column : wanted) {
      if (std::find(layout_.columns.begin(), layout_.columns.end(), column) == layout_.columns.end())
        missing_.push_back(column);
    }
  }

  std::vector<std::string> MissingColumns() const override { return missing_; }

  absl::StatusOr<bool> Next(trainer::v1::PredictRequest& request) override {
    while (row_ == cells_.rows) {
      SDA_ASSIGN_OR_RETURN(const bool more, NextBlock());
      if (!more) return false;
    }
    const size_t end = EndOfRequest();
    for (const size_t column : sent_) {
      trainer::v1::PredictRequest::Column& sent = *request.add_columns();
      sent.set_name(layout_.columns[column]);
      sent.mutable_values()->Reserve(static_cast<int>(end - row_));
      for (size_t row = row_; row < end; ++row) sent.add_values(ToValidUtf8(cells_.view(row, column)));
    }
    row_ = end;
    return true;
  }

 private:
  // As many rows as the bounds of a request allow, one at least.
  size_t EndOfRequest() const {
    const size_t most = std::min(cells_.rows, row_ + kRowsPerRequest);
    size_t end = row_, bytes = 0;
    while (end < most && (bytes < kBytesPerRequest || end == row_)) {
      for (const size_t column : sent_) bytes += cells_.view(end, column).size() + kBytesPerValue;
      ++end;
    }
    return end;
  }

  absl::StatusOr<bool> NextBlock() {
    SDA_ASSIGN_OR_RETURN(const bool more, source_->Next(block_));
    if (!more) return false;
    if (block_.starts_file) line_ = block_.header_lines;
    SDA_ASSIGN_OR_RETURN(const std::optional<CellError> bad, decoder_->Decode(block_, cells_));
    if (bad) return ErrorAt(*bad);
    line_ += cells_.lines;
    row_ = 0;
    return true;
  }

  absl::Status ErrorAt(const CellError& bad) const {
    preprocessing::error::Place place;
    place.file = files_[static_cast<size_t>(block_.file)].path;
    place.line = line_ + bad.line + 1;
    if (bad.column >= 0 && static_cast<size_t>(bad.column) < layout_.columns.size()) {
      place.column = layout_.columns[static_cast<size_t>(bad.column)];
    }
    return preprocessing::error::BadCell(place, bad.reason, bad.rule);
  }

  const std::vector<InputFile> files_;
  const InputLayout layout_;
  const std::unique_ptr<RowSource> source_;
  const std::unique_ptr<BlockDecoder> decoder_;
  std::vector<size_t> sent_;  // positions of the columns that are sent
  std::vector<std::string> missing_;
  Block block_;
  CellBlock cells_;
  size_t row_ = 0;    // of cells_
  int64_t line_ = 0;  // lines of the file before the block
};

}  // namespace

absl::StatusOr<std::unique_ptr<PredictionRows>> PredictionRows::Open(const PredictionInput& input) {
  if (input.data.empty()) return InvalidField("--data", "is missing; name the files with the rows");
  SDA_ASSIGN_OR_RETURN(const FormatSpec format, Format(input));
  SDA_ASSIGN_OR_RETURN(std::vector<InputFile> files, preprocessing::FindInputFiles(input.data));
  SDA_ASSIGN_OR_RETURN(InputLayout layout, preprocessing::DetectLayout(files, format, /*label=*/""));
  if (!input.columns.empty()) {
    if (input.columns.size() != layout.columns.size()) {
      return InvalidField(
          "--columns", absl::StrCat("has ", input.columns.size(), " names, but the rows of ", files[0].path,
                                    " have ", layout.columns.size(), " fields"));
    }
    layout.columns = input.columns;
  }
  const auto is_wanted = [&](const std::string& column) { return input.wanted.count(column) > 0; };
  if (!input.wanted.empty() && std::none_of(layout.columns.begin(), layout.columns.end(), is_wanted)) {
    return InvalidField("--data", absl::StrCat(files[0].path, " has none of the model's columns ",
                                               absl::StrJoin(input.wanted, ", "), "; it has ",
                                               absl::StrJoin(layout.columns, ", ")));
  }
  return std::make_unique<FileRows>(std::move(files), std::move(layout), input.wanted);
}

}  // namespace sda::cli
