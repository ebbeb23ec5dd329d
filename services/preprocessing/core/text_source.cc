#include "services/preprocessing/core/text_source.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <arrow/io/interfaces.h>
#include <arrow/result.h>

#include "common/base/status_macros.h"
#include "services/preprocessing/core/errors.h"
#include "services/preprocessing/core/separator_scan.h"
#include "services/preprocessing/core/tokenizer.h"

namespace sda::preprocessing {
namespace {

constexpr char kRowTooLong[] = "ROW_TOO_LONG";

// Where bad rows may be left out, a quoted field beyond this is taken for a quote that never closes.
constexpr size_t kMaxQuotedBytes = 4 * kBlockBytes;

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

class TextDecoder final : public BlockDecoder {
 public:
  TextDecoder(const TextFormat& format, size_t columns) : tokenizer_(format, columns) {}

  absl::StatusOr<std::optional<CellError>> Decode(Block& block, CellBlock& cells) override {
    return tokenizer_.Tokenize(block.bytes.get(), block.size, cells);
  }

 private:
  Tokenizer tokenizer_;
};

void Reserve(Block& block, size_t size) {
  if (block.capacity >= size + kCellPadding) return;
  const size_t capacity = std::max(size, kBlockBytes + kBlockBytes / 4) + kCellPadding;
  std::unique_ptr<char[]> bytes(new char[capacity]);
  if (block.size > 0) std::memcpy(bytes.get(), block.bytes.get(), block.size);
  block.bytes = std::move(bytes);
  block.capacity = capacity;
}

// The length of the longest prefix of `text` that is a whole number of records; 0 if there is none. In legal
// text a newline is inside a quoted field exactly when an odd number of quotes precedes it.
size_t WholeRecords(std::string_view text, bool quotes) {
  size_t end = text.rfind('\n');
  if (end == std::string_view::npos) return 0;
  if (!quotes) return end + 1;
  size_t before = CountByte(text.data(), end, '"');
  while (before % 2 == 1) {
    const size_t earlier = end == 0 ? std::string_view::npos : text.rfind('\n', end - 1);
    if (earlier == std::string_view::npos) return 0;
    before -= CountByte(text.data() + earlier, end - earlier, '"');
    end = earlier;
  }
  return end + 1;
}

}  // namespace

TextSource::TextSource(std::vector<InputFile> files, InputLayout layout)
    : files_(std::move(files)), layout_(std::move(layout)) {}

std::unique_ptr<BlockDecoder> TextSource::NewDecoder() const {
  return std::make_unique<TextDecoder>(layout_.text, layout_.columns.size());
}

absl::Status TextSource::OpenFile() {
  SDA_ASSIGN_OR_RETURN(input_, OpenInputStream(file()));
  open_ = true;
  at_end_ = false;
  dropped_ = false;
  file_started_ = false;
  rest_.clear();
  return absl::OkStatus();
}

// Reads until the block holds `at_least` bytes or the file ends.
absl::Status TextSource::Fill(Block& block, size_t at_least) {
  Reserve(block, at_least);
  while (!at_end_ && block.size < at_least) {
    auto read =
        input_.stream->Read(static_cast<int64_t>(at_least - block.size), block.bytes.get() + block.size);
    if (!read.ok() && layout_.text.bad_rows != BadRowPolicy::kFail) {
      damage_ = {0, -1, "TRUNCATED_FILE", read.status().message()};
      dropped_ = at_end_ = true;
      break;
    }
    if (!read.ok()) return error::InputUnreadable(file().path, read.status().message());
    if (*read == 0) at_end_ = true;
    block.size += static_cast<size_t>(*read);
  }
  return absl::OkStatus();
}

absl::Status TextSource::RowTooLong() const {
  // Lines are counted by those who decode; only the first row of a file is known to the source.
  const int64_t line = file_started_ ? 0 : layout_.text.header ? 2 : 1;
  return error::BadCell(
      {file().path, line, ""}, kRowTooLong,
      absl::StrCat("has more than ", layout_.text.max_row_bytes, " bytes; is this a log with lines?"));
}

// Reads on to the end of the row that fills the block and leaves the block empty behind `begin`.
absl::Status TextSource::DropLongRow(Block& block, size_t begin) {
  damage_ = {0, -1, std::string(kRowTooLong),
             absl::StrCat("has more than ", layout_.text.max_row_bytes, " bytes")};
  size_t newline = std::string_view::npos;
  while (newline == std::string_view::npos && !at_end_) {
    block.size = begin;
    SDA_RETURN_IF_ERROR(Fill(block, begin + kBlockBytes));
    newline = std::string_view(block.bytes.get(), block.size).find('\n', begin);
  }
  if (newline == std::string_view::npos) {
    block.size = begin;
    return absl::OkStatus();
  }
  const size_t rest = block.size - newline - 1;
  std::memmove(block.bytes.get() + begin, block.bytes.get() + newline + 1, rest);
  block.size = begin + rest;
  return absl::OkStatus();
}

// Finds the begin of the first row, behind byte order mark and header.
absl::Status TextSource::SkipHeader(Block& block, size_t& begin) {
  const std::string_view text(block.bytes.get(), block.size);
  begin = text.substr(0, kByteOrderMark.size()) == kByteOrderMark ? kByteOrderMark.size() : 0;
  block.header_lines = 0;
  if (!layout_.text.header) return absl::OkStatus();
  const auto records = ReadRecords(text.substr(begin), layout_.text, 1);
  if (records.empty()) return error::InputEmpty(file().path, "has no header line");
  const RawRecord& header = records.front();
  if (header.fields != layout_.columns) {
    return error::BadCell(
        {file().path, header.line + 1, ""}, "HEADER_MISMATCH",
        absl::StrCat("has header ", error::Quoted(absl::StrJoin(header.fields, layout_.text.delimiter)),
                     "; must be the columns of the first file, ",
                     error::Quoted(absl::StrJoin(layout_.columns, layout_.text.delimiter))));
  }
  begin += header.end;
  block.header_lines = header.lines;
  return absl::OkStatus();
}

absl::StatusOr<bool> TextSource::Next(Block& block) {
  while (next_file_ < static_cast<int>(files_.size())) {
    if (!open_) SDA_RETURN_IF_ERROR(OpenFile());
    block.size = 0;
    Reserve(block, rest_.size());
    std::memcpy(block.bytes.get(), rest_.data(), rest_.size());
    block.size = rest_.size();

    size_t begin = 0;
    size_t end = 0;
    for (size_t wanted = std::max(kBlockBytes, rest_.size() + 1); end <= begin;
         wanted = std::min(wanted * 2, layout_.text.max_row_bytes)) {
      SDA_RETURN_IF_ERROR(Fill(block, wanted));
      if (!file_started_) SDA_RETURN_IF_ERROR(SkipHeader(block, begin));
      if (at_end_) break;
      // A quote that never closes must not swallow the rest of the file where bad rows may be left out.
      const bool quotes = layout_.text.quotes &&
                          (layout_.text.bad_rows == BadRowPolicy::kFail || block.size <= kMaxQuotedBytes);
      end = begin + WholeRecords({block.bytes.get() + begin, block.size - begin}, quotes);
      if (end <= begin && block.size >= layout_.text.max_row_bytes) {
        if (layout_.text.bad_rows == BadRowPolicy::kFail) return RowTooLong();
        SDA_RETURN_IF_ERROR(DropLongRow(block, begin));
        at_end_ = dropped_;  // what is behind the row comes with the next block
        end = begin;
        break;
      }
    }
    if (at_end_ && dropped_) {
      // What is behind the last newline was cut off.
      end = begin + WholeRecords({block.bytes.get() + begin, block.size - begin}, false);
      block.size = end;
    } else if (at_end_) {
      end = block.size;
      if (end > begin && block.bytes[end - 1] != '\n') {
        Reserve(block, block.size + 1);
        block.bytes[block.size++] = '\n';
        ++end;
      }
    }

    rest_.assign(block.bytes.get() + end, block.size - end);
    auto position = input_.raw->Tell();
    block.input_bytes = finished_bytes_ + (position.ok() ? *position : 0);
    block.file = next_file_;
    block.starts_file = !file_started_;
    if (!block.starts_file) block.header_lines = 0;
    file_started_ = true;
    if (at_end_) {
      finished_bytes_ += file().bytes;
      open_ = false;
      input_ = {};
      rest_.clear();
      ++next_file_;
    }
    block.damage = std::exchange(damage_, {});
    block.lost_lines = block.damage.reason == kRowTooLong ? 1 : 0;
    if (end == begin && block.damage.reason.empty()) {
      if (block.starts_file)
        return error::InputEmpty(files_[static_cast<size_t>(block.file)].path, "has no rows");
      continue;
    }
    if (begin > 0) std::memmove(block.bytes.get(), block.bytes.get() + begin, end - begin);
    block.size = end - begin;
    std::memset(block.bytes.get() + block.size, 0, kCellPadding);
    block.index = next_block_++;
    return true;
  }
  return false;
}

}  // namespace sda::preprocessing
