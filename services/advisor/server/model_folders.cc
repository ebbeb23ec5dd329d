#include "services/advisor/server/model_folders.h"

#include <memory>
#include <vector>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>
#include <arrow/io/interfaces.h>
#include <arrow/result.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "services/advisor/core/resource_id.h"

namespace sda::advisor {
namespace {

constexpr char kModels[] = "models";

// No resource id holds a dot, so these are never models.
constexpr char kPending[] = ".pending";
constexpr char kRemoved[] = ".removed";

// Embedding tables may be larger than memory.
constexpr int64_t kCopyBytes = 4 << 20;

std::string ModelFolder(const std::string& id, const char* suffix = "") {
  return absl::StrCat(ResourceName(kModels, id), suffix);
}

}  // namespace

absl::Status ModelFolders::CopyFile(const std::string& from, const std::string& to) {
  SDA_ASSIGN_OR_RETURN(const auto input, artefacts_.OpenInput(from));
  SDA_ASSIGN_OR_RETURN(const int64_t size, artefacts_.Size(from));
  SDA_ASSIGN_OR_RETURN(const std::unique_ptr<ArtefactWriter> writer, artefacts_.Create(to));
  std::string piece(static_cast<size_t>(std::min(size, kCopyBytes)), '\0');
  for (int64_t at = 0; at < size;) {
    const auto read = input->ReadAt(at, std::min(kCopyBytes, size - at), piece.data());
    if (!read.ok() || *read == 0) {
      return absl::DataLossError(absl::StrCat(
          from, ": cannot be read: ", read.ok() ? "it is shorter than it was" : read.status().ToString()));
    }
    SDA_RETURN_IF_ERROR(writer->Write(std::string_view(piece).substr(0, static_cast<size_t>(*read))));
    at += *read;
  }
  return writer->Publish();
}

absl::Status ModelFolders::CopyFolder(const std::string& from, const std::string& to) {
  SDA_ASSIGN_OR_RETURN(const std::vector<std::string> files, artefacts_.ListFiles(from));
  for (const std::string& file : files) {
    SDA_RETURN_IF_ERROR(CopyFile(absl::StrCat(from, "/", file), absl::StrCat(to, "/", file)));
  }
  SDA_ASSIGN_OR_RETURN(const std::vector<std::string> folders, artefacts_.ListFolders(from));
  for (const std::string& folder : folders) {
    SDA_RETURN_IF_ERROR(CopyFolder(absl::StrCat(from, "/", folder), absl::StrCat(to, "/", folder)));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ModelFolders::Publish(const std::string& id, const std::string& source,
                                                  const std::map<std::string, std::string>& files) {
  const std::string from(absl::StripPrefix(source, artefacts_.root() + "/"));
  SDA_ASSIGN_OR_RETURN(const bool exists, artefacts_.Exists(from));
  if (!exists) {
    return MakeError(absl::StatusCode::kNotFound,
                     absl::StrCat("the model's folder ", from, " does not exist"),
                     {.reason = "MODEL_FILES_NOT_FOUND", .metadata = {{"path", from}}, .violations = {}});
  }
  std::string published = ModelFolder(id);
  const std::string written = artefacts_.is_local() ? ModelFolder(id, kPending) : published;
  SDA_RETURN_IF_ERROR(artefacts_.RemoveFolder(written));
  SDA_RETURN_IF_ERROR(CopyFolder(from, written));
  for (const auto& [name, content] : files) {
    SDA_RETURN_IF_ERROR(artefacts_.Write(absl::StrCat(written, "/", name), content));
  }
  if (written == published) return published;
  SDA_RETURN_IF_ERROR(Remove(id));
  SDA_RETURN_IF_ERROR(artefacts_.Rename(written, published));
  return published;
}

absl::Status ModelFolders::Remove(const std::string& id) {
  const std::string published = ModelFolder(id);
  SDA_ASSIGN_OR_RETURN(const bool exists, artefacts_.Exists(published));
  if (!exists || !artefacts_.is_local()) return artefacts_.RemoveFolder(published);
  // Out of sight at once, whole.
  const std::string leaving = ModelFolder(id, kRemoved);
  SDA_RETURN_IF_ERROR(artefacts_.RemoveFolder(leaving));
  SDA_RETURN_IF_ERROR(artefacts_.Rename(published, leaving));
  return artefacts_.RemoveFolder(leaving);
}

absl::Status ModelFolders::RemoveLeftovers() {
  SDA_ASSIGN_OR_RETURN(const std::vector<std::string> folders, artefacts_.ListFolders(kModels));
  for (const std::string& folder : folders) {
    if (absl::EndsWith(folder, kPending) || absl::EndsWith(folder, kRemoved)) {
      SDA_RETURN_IF_ERROR(artefacts_.RemoveFolder(absl::StrCat(kModels, "/", folder)));
    }
  }
  return absl::OkStatus();
}

}  // namespace sda::advisor
