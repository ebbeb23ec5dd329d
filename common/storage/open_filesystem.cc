#include "common/storage/open_filesystem.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <arrow/filesystem/filesystem.h>
#include <arrow/result.h>
#include <arrow/util/config.h>
#include <dlfcn.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/storage/store_error.h"

namespace sda {
namespace {

// libarrow_s3 lies beside libarrow.
std::string S3LibraryPath() {
  Dl_info info{};
  auto* symbol = reinterpret_cast<void*>(&arrow::fs::EnsureFinalized);
  if (dladdr(symbol, &info) == 0 || info.dli_fname == nullptr) return "";
  const std::filesystem::path folder = std::filesystem::path(info.dli_fname).parent_path();
  return (folder / absl::StrCat("libarrow_s3.so.", ARROW_SO_VERSION)).string();
}

absl::Status LoadS3() {
  // Once a process: Arrow keeps the library until the end.
  static const absl::Status* const loaded = new absl::Status([] {
    const std::string library = S3LibraryPath();
    std::error_code ignored;
    if (library.empty() || !std::filesystem::exists(library, ignored)) {
      return absl::UnimplementedError(
          absl::StrCat("s3:// needs Arrow's S3 library, which is not installed (", library, ")"));
    }
    if (const arrow::Status status = arrow::fs::LoadFileSystemFactories(library.c_str()); !status.ok()) {
      return absl::UnimplementedError(absl::StrCat("s3:// needs ", library, ": ", status.message()));
    }
    return absl::OkStatus();
  }());
  return *loaded;
}

// The library wants an orderly end before its own statics go, so this comes after the first use made them.
void FinalizeS3AtExit() {
  [[maybe_unused]] static const int registered = std::atexit([] { arrow::fs::EnsureFinalized(); });
}

}  // namespace

absl::StatusOr<FileLocation> OpenFilesystem(const std::string& location) {
  const bool is_s3 = absl::StartsWith(location, "s3://");
  std::string uri = location;
  if (!absl::StrContains(location, "://")) {
    std::error_code failed;
    uri = std::filesystem::absolute(location, failed).lexically_normal().string();
    if (failed) return StoreErrorFromErrno(location, failed.value());
  } else if (is_s3) {
    SDA_RETURN_IF_ERROR(LoadS3());
  }
  FileLocation opened;
  auto filesystem = arrow::fs::FileSystemFromUriOrPath(uri, &opened.path);
  if (is_s3) FinalizeS3AtExit();
  if (!filesystem.ok()) {
    return InvalidField("location",
                        absl::StrCat("\"", location, "\" is not usable: ", filesystem.status().message()));
  }
  opened.filesystem = *std::move(filesystem);
  while (opened.path.size() > 1 && opened.path.back() == '/') opened.path.pop_back();
  return opened;
}

}  // namespace sda
