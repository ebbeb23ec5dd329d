#include "services/preprocessing/core/layout_detection.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <absl/strings/str_cat.h>
#include <arrow/io/interfaces.h>
#include <arrow/result.h>

#include "common/base/numbers.h"
#include "common/base/status_macros.h"
#include "services/preprocessing/core/arrow_source.h"
#include "services/preprocessing/core/errors.h"
#include "services/preprocessing/core/file_kind.h"
#include "services/preprocessing/core/missing_test.h"
#include "services/preprocessing/core/parquet_source.h"
#include "services/preprocessing/core/tokenizer.h"

namespace sda::preprocessing {
namespace {

using Records = std::vector<RawRecord>;

constexpr size_t kSampleBytes = 256 * 1024;
constexpr size_t kSampleRecords = 200;
constexpr size_t kCriteoInts = 13;
constexpr size_t kCriteoHashes = 26;

absl::StatusOr<std::string> ReadBegin(const InputFile& file) {
  SDA_ASSIGN_OR_RETURN(const OpenedInput input, OpenInputStream(file));
  std::string text(kSampleBytes, '\0');
  size_t size = 0;
  while (size < text.size()) {
    auto read = input.stream->Read(static_cast<int64_t>(text.size() - size), text.data() + size);
    if (!read.ok()) return error::InputUnreadable(file.path, read.status().message());
    if (*read == 0) break;
    size += static_cast<size_t>(*read);
  }
  const bool whole = size < text.size();
  text.resize(size);
  // A row that the sample cuts would look ragged.
  const size_t last = text.rfind('\n');
  if (!whole && last != std::string::npos) text.resize(last + 1);
  if (text.substr(0, 3) == "\xef\xbb\xbf") text.erase(0, 3);
  return text;
}

// ---- delimiter and quotes ----

bool AnyFieldQuoted(std::string_view text, const std::string& delimiter) {
  const Records records = ReadRecords(text, {delimiter, /*quotes=*/false, false}, kSampleRecords);
  for (const RawRecord& record : records) {
    for (const std::string& field : record.fields) {
      if (field.size() >= 2 && field.front() == '"' && field.back() == '"') return true;
    }
  }
  return false;
}

bool GuessQuotes(std::string_view text, const std::string& delimiter) {
  return delimiter[0] == ',' || delimiter[0] == ';' || AnyFieldQuoted(text, delimiter);
}

// The most frequent number of fields and the share of records that have it.
struct Shape {
  size_t fields = 0;
  double share = 0;
};

Shape ShapeOf(const Records& records) {
  std::map<size_t, size_t> counts;
  for (const RawRecord& record : records) ++counts[record.fields.size()];
  Shape shape;
  for (const auto& [fields, count] : counts) {
    const double share = static_cast<double>(count) / static_cast<double>(records.size());
    if (share > shape.share) shape = {fields, share};
  }
  return shape;
}

bool BlankFollowsEverywhere(const Records& records) {
  for (const RawRecord& record : records) {
    for (size_t i = 1; i < record.fields.size(); ++i) {
      if (record.fields[i].empty() || record.fields[i].front() != ' ') return false;
    }
  }
  return true;
}

absl::StatusOr<std::string> GuessDelimiter(std::string_view text, std::string_view path) {
  std::string best;
  double best_share = 0.5;  // at least half of the rows must agree
  for (const char* candidate : {"\t", "::", ",", ";", "|"}) {
    const TextFormat format{candidate, GuessQuotes(text, candidate), false};
    const Records records = ReadRecords(text, format, kSampleRecords);
    const Shape shape = ShapeOf(records);
    if (shape.fields < 2 || shape.share <= best_share) continue;
    best = candidate;
    best_share = shape.share;
    if (best.size() == 1 && best != "\t" && BlankFollowsEverywhere(records)) best += ' ';
  }
  if (best.empty()) {
    return error::BadFormat(
        path,
        "no delimiter of tab, \"::\", comma, semicolon and \"|\" cuts its rows into equally "
        "many fields; give the delimiter");
  }
  return best;
}

// ---- header and names ----

bool IsNumberOrHash(std::string_view text) {
  return ParseNumber(text).has_value() || IsHexHash(text);
}

bool LooksLikeNames(const std::vector<std::string>& fields) {
  std::set<std::string> seen;
  for (const std::string& field : fields) {
    if (field.empty() || IsNumberOrHash(field) || !seen.insert(field).second) return false;
  }
  return true;
}

// Whether some column holds numbers, and nothing but numbers and missing fields, in all records but the
// first.
bool SomeColumnIsNumeric(const Records& records, const MissingTest& missing) {
  for (size_t column = 0; column < records.front().fields.size(); ++column) {
    bool numbers = false;
    bool other = false;
    for (size_t i = 1; i < records.size() && !other; ++i) {
      if (column >= records[i].fields.size() || missing(records[i].fields[column])) continue;
      (ParseNumber(records[i].fields[column]) ? numbers : other) = true;
    }
    if (numbers && !other) return true;
  }
  return false;
}

bool GuessHeader(const Records& records, const MissingTest& missing, std::string_view label) {
  const std::vector<std::string>& first = records.front().fields;
  if (!LooksLikeNames(first)) return false;
  const bool names_label = std::find(first.begin(), first.end(), label) != first.end();
  return names_label || SomeColumnIsNumeric(records, missing);
}

// 13 whole numbers and 26 hashes, each possibly missing, behind a label of 0 or 1 if `with_label`.
bool IsCriteoRecord(const std::vector<std::string>& fields, bool with_label) {
  const size_t first = with_label ? 1 : 0;
  if (fields.size() != first + kCriteoInts + kCriteoHashes) return false;
  if (with_label && fields[0] != "0" && fields[0] != "1") return false;
  for (size_t i = 0; i < kCriteoInts + kCriteoHashes; ++i) {
    const std::string& field = fields[first + i];
    const bool fits =
        i < kCriteoInts ? ParseInteger(field).has_value() : field.size() == 8 && IsHexHash(field);
    if (!field.empty() && !fits) return false;
  }
  return true;
}

std::vector<std::string> CriteoNames(bool with_label) {
  std::vector<std::string> names;
  if (with_label) names.push_back("label");
  for (size_t i = 1; i <= kCriteoInts; ++i) names.push_back(absl::StrCat("I", i));
  for (size_t i = 1; i <= kCriteoHashes; ++i) names.push_back(absl::StrCat("C", i));
  return names;
}

std::vector<std::string> DefaultNames(const Records& records) {
  for (const bool with_label : {true, false}) {
    const bool fits = std::all_of(records.begin(), records.end(), [&](const RawRecord& record) {
      return IsCriteoRecord(record.fields, with_label);
    });
    if (fits) return CriteoNames(with_label);
  }
  std::vector<std::string> names;
  for (size_t i = 0; i < records.front().fields.size(); ++i) names.push_back(absl::StrCat("c", i));
  return names;
}

absl::Status CheckHeader(const std::vector<std::string>& names, std::string_view path, int64_t line) {
  std::set<std::string> seen;
  for (const std::string& name : names) {
    const error::Place place{std::string(path), line, ""};
    if (name.empty()) return error::BadCell(place, "BAD_HEADER", "the header has a column without a name");
    if (!seen.insert(name).second) {
      return error::BadCell(place, "BAD_HEADER",
                            absl::StrCat("the header names column ", error::Quoted(name), " twice"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<InputLayout> DetectTextLayout(std::string_view begin, std::string_view path,
                                             const FormatSpec& format, std::string_view label) {
  InputLayout layout;
  layout.text.delimiter = format.delimiter;
  if (format.delimiter.empty()) {
    SDA_ASSIGN_OR_RETURN(layout.text.delimiter, GuessDelimiter(begin, path));
  }
  layout.text.quotes = GuessQuotes(begin, layout.text.delimiter);
  const Records records = ReadRecords(begin, layout.text, kSampleRecords);
  if (records.empty()) {
    const bool blank = begin.find_first_not_of("\r\n") == std::string_view::npos;
    return blank ? error::InputEmpty(path, "has no rows")
                 : error::BadFormat(path,
                                    "the quotes of its first row do not close; quote fields as in RFC 4180");
  }

  const MissingTest missing(NullTokens(format));
  layout.text.header = format.header == FormatSpec::Header::kYes ||
                       (format.header == FormatSpec::Header::kGuess && GuessHeader(records, missing, label));
  if (!layout.text.header) {
    layout.columns = DefaultNames(records);
    return layout;
  }
  layout.columns = records.front().fields;
  SDA_RETURN_IF_ERROR(CheckHeader(layout.columns, path, records.front().line + 1));
  return layout;
}

absl::StatusOr<InputLayout> DetectLayout(const std::vector<InputFile>& files, const FormatSpec& format,
                                         std::string_view label) {
  const InputFile& first = files.front();
  SDA_ASSIGN_OR_RETURN(const InputLayout::Kind kind, KindOf(first, format));
  if (kind != InputLayout::Kind::kText) {
    InputLayout layout;
    layout.kind = kind;
    const OpenBatchFile open = kind == InputLayout::Kind::kArrow ? OpenArrowFile : OpenParquetFile;
    SDA_ASSIGN_OR_RETURN(layout.columns, BatchColumns(first, open));
    SDA_RETURN_IF_ERROR(CheckHeader(layout.columns, first.path, 1));
    return layout;
  }
  SDA_ASSIGN_OR_RETURN(const std::string begin, ReadBegin(first));
  return DetectTextLayout(begin, first.path, format, label);
}

bool IsCriteoLayout(const std::vector<std::string>& columns) {
  return columns == CriteoNames(true) || columns == CriteoNames(false);
}

bool IsHexHash(std::string_view text) {
  const size_t size = text.size();
  if (size != 8 && size != 16 && size != 32 && size != 40 && size != 64) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

absl::StatusOr<int> FindColumn(std::string_view field, const std::string& text,
                               const std::vector<std::string>& columns) {
  const auto named = std::find(columns.begin(), columns.end(), text);
  if (named != columns.end()) return static_cast<int>(named - columns.begin());
  if (const auto position = ParseInteger(text)) {
    const auto count = static_cast<int64_t>(columns.size());
    const int64_t index = *position < 0 ? *position + count : *position;
    if (index >= 0 && index < count) return static_cast<int>(index);
  }
  return error::ColumnNotFound(field, text, columns);
}

}  // namespace sda::preprocessing
