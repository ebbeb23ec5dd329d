#include "services/preprocessing/core/file_kind.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include <absl/strings/match.h>
#include <arrow/io/interfaces.h>
#include <arrow/result.h>

#include "common/base/status_macros.h"
#include "services/preprocessing/core/errors.h"

namespace sda::preprocessing {
namespace {

constexpr std::string_view kParquetMagic = "PAR1";
constexpr std::string_view kArrowFileMagic = "ARROW1";
constexpr std::string_view kArrowStreamMark = "\xff\xff\xff\xff";  // never valid UTF-8
constexpr std::array kArrowExtensions = {".arrow", ".arrows", ".feather", ".ipc"};

absl::StatusOr<std::string> FirstBytes(const InputFile& file) {
  SDA_ASSIGN_OR_RETURN(auto input, OpenInputFile(file));
  std::string begin(8, '\0');
  const auto read = input->ReadAt(0, static_cast<int64_t>(begin.size()), begin.data());
  if (!read.ok()) return error::InputUnreadable(file.path, read.status().message());
  begin.resize(static_cast<size_t>(*read));
  return begin;
}

bool BeginsWith(const std::string& begin, std::string_view magic) {
  return std::string_view(begin).substr(0, magic.size()) == magic;
}

// Behind the path of a URI may stand a query.
bool HasArrowExtension(const std::string& path) {
  const bool uri = absl::StrContains(path, "://");
  const std::string name = uri ? path.substr(0, path.find('?')) : path;
  return std::any_of(kArrowExtensions.begin(), kArrowExtensions.end(),
                     [&](const char* extension) { return absl::EndsWith(name, extension); });
}

}  // namespace

absl::StatusOr<InputLayout::Kind> KindOf(const InputFile& file, const FormatSpec& format) {
  switch (format.kind) {
    case FormatSpec::Kind::kParquet:
      return InputLayout::Kind::kParquet;
    case FormatSpec::Kind::kArrow:
      return InputLayout::Kind::kArrow;
    case FormatSpec::Kind::kText:
    case FormatSpec::Kind::kMlperf:
      return InputLayout::Kind::kText;
    case FormatSpec::Kind::kGuess:
      break;
  }
  SDA_ASSIGN_OR_RETURN(const std::string begin, FirstBytes(file));
  if (BeginsWith(begin, kParquetMagic)) return InputLayout::Kind::kParquet;
  const bool arrow = BeginsWith(begin, kArrowFileMagic) || BeginsWith(begin, kArrowStreamMark);
  return arrow || HasArrowExtension(file.path) ? InputLayout::Kind::kArrow : InputLayout::Kind::kText;
}

absl::StatusOr<bool> IsArrowFileForm(const InputFile& file) {
  SDA_ASSIGN_OR_RETURN(const std::string begin, FirstBytes(file));
  return BeginsWith(begin, kArrowFileMagic);
}

}  // namespace sda::preprocessing
