#include "services/preprocessing/core/input_files.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <arrow/filesystem/filesystem.h>
#include <arrow/filesystem/localfs.h>
#include <arrow/io/compressed.h>
#include <arrow/io/interfaces.h>
#include <arrow/result.h>
#include <arrow/util/compression.h>
#include <fnmatch.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/base/strings.h"
#include "common/storage/open_filesystem.h"
#include "services/preprocessing/core/errors.h"

namespace sda::preprocessing {
namespace {

using arrow::fs::FileInfo;
using arrow::fs::FileType;

// A file system and the path inside it. prefix + a path inside + suffix gives the path as users write it.
struct Location {
  std::shared_ptr<arrow::fs::FileSystem> filesystem;
  std::string path;
  std::string prefix;
  std::string suffix;
};

absl::StatusOr<Location> Locate(const std::string& path) {
  Location location;
  if (!absl::StrContains(path, "://")) {
    location.filesystem = std::make_shared<arrow::fs::LocalFileSystem>();
    location.path = path;
    return location;
  }
  auto opened = OpenFilesystem(path);
  if (!opened.ok()) return error::InputUnreadable(path, ToStd(opened.status().message()));
  location.filesystem = std::move(opened->filesystem);
  location.path = std::move(opened->path);
  const size_t query = std::min(path.find('?'), path.size());
  std::string before = path.substr(0, query);
  while (before.size() > 1 && before.back() == '/') before.pop_back();  // as of the path inside
  if (absl::EndsWith(before, location.path)) {
    location.prefix = before.substr(0, before.size() - location.path.size());
    location.suffix = path.substr(query);
  }
  return location;
}

std::string_view BaseName(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

std::string Folder(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool IsHidden(std::string_view name) {
  return name.empty() || name.front() == '.' || name.front() == '_';
}

InputFile ToInputFile(const FileInfo& info, std::string path) {
  const auto modified = info.mtime().time_since_epoch().count();
  return {std::move(path), info.size(), modified > 0 ? modified : 0};
}

// The files right below `folder` whose names `wanted` accepts.
template <class Wanted>
absl::StatusOr<std::vector<InputFile>> ListFolder(const Location& location, const std::string& folder,
                                                  const std::string& shown, const Wanted& wanted) {
  arrow::fs::FileSelector selector;
  selector.base_dir = folder;
  selector.allow_not_found = true;
  auto infos = location.filesystem->GetFileInfo(selector);
  if (!infos.ok()) return error::InputUnreadable(shown, infos.status().message());
  std::vector<InputFile> files;
  for (const FileInfo& info : *infos) {
    const std::string name(BaseName(info.path()));
    if (info.type() != FileType::File || IsHidden(name) || !wanted(name)) continue;
    const bool here = folder == "." && !absl::StartsWith(shown, "./");
    files.push_back(
        ToInputFile(info, here ? name : absl::StrCat(location.prefix, info.path(), location.suffix)));
  }
  return files;
}

absl::StatusOr<std::vector<InputFile>> FindOne(const std::string& path) {
  SDA_ASSIGN_OR_RETURN(const Location location, Locate(path));
  auto info = location.filesystem->GetFileInfo(location.path);
  if (!info.ok()) return error::InputUnreadable(path, info.status().message());
  if (info->type() == FileType::File) {
    if (info->size() == 0) return error::InputEmpty(path, "is empty");
    return std::vector<InputFile>{ToInputFile(*info, path)};
  }
  if (info->type() == FileType::Directory) {
    SDA_ASSIGN_OR_RETURN(auto files,
                         ListFolder(location, location.path, path, [](const std::string&) { return true; }));
    if (files.empty()) return error::InputEmpty(path, "is a folder without files");
    return files;
  }
  const std::string pattern(BaseName(location.path));
  if (info->type() == FileType::NotFound && pattern.find_first_of("*?[") != std::string::npos) {
    SDA_ASSIGN_OR_RETURN(auto files,
                         ListFolder(location, Folder(location.path), path, [&](const std::string& name) {
                           return fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
                         }));
    if (files.empty()) return error::InputEmpty(path, "matches no file");
    return files;
  }
  if (info->type() == FileType::NotFound) return error::InputNotFound(path);
  return error::InputUnreadable(path, "is neither a file nor a folder");
}

// The codec of data that begins with `magic`; none for what is not compressed. Codecs live as long as the
// process.
arrow::util::Codec* CodecFor(std::string_view magic) {
  static arrow::util::Codec* const gzip = arrow::util::Codec::Create(arrow::Compression::GZIP)->release();
  static arrow::util::Codec* const zstd = arrow::util::Codec::Create(arrow::Compression::ZSTD)->release();
  if (magic.substr(0, 2) == "\x1f\x8b") return gzip;
  if (magic == "\x28\xb5\x2f\xfd") return zstd;
  return nullptr;
}

}  // namespace

absl::StatusOr<std::vector<InputFile>> FindInputFiles(const std::vector<std::string>& paths) {
  std::vector<InputFile> files;
  for (const std::string& path : paths) {
    SDA_ASSIGN_OR_RETURN(std::vector<InputFile> found, FindOne(path));
    for (InputFile& file : found) {
      if (file.bytes == 0) return error::InputEmpty(file.path, "is empty");
      files.push_back(std::move(file));
    }
  }
  std::sort(files.begin(), files.end(),
            [](const InputFile& a, const InputFile& b) { return a.path < b.path; });
  const auto twice = std::adjacent_find(
      files.begin(), files.end(), [](const InputFile& a, const InputFile& b) { return a.path == b.path; });
  if (twice != files.end()) return InvalidField(twice->path, "is named twice; its rows would count twice");
  return files;
}

absl::StatusOr<std::shared_ptr<arrow::io::RandomAccessFile>> OpenInputFile(const InputFile& file) {
  SDA_ASSIGN_OR_RETURN(const Location location, Locate(file.path));
  auto opened = location.filesystem->OpenInputFile(location.path);
  if (!opened.ok()) return error::InputUnreadable(file.path, opened.status().message());
  return *opened;
}

absl::StatusOr<OpenedInput> OpenInputStream(const InputFile& file) {
  SDA_ASSIGN_OR_RETURN(auto raw, OpenInputFile(file));
  char magic[4] = {};
  auto read = raw->Read(sizeof(magic), magic);
  if (!read.ok()) return error::InputUnreadable(file.path, read.status().message());
  const arrow::Status rewound = raw->Seek(0);
  if (!rewound.ok()) return error::InputUnreadable(file.path, rewound.message());
  arrow::util::Codec* codec = CodecFor({magic, static_cast<size_t>(*read)});
  if (codec == nullptr) return OpenedInput{raw, raw};
  auto stream = arrow::io::CompressedInputStream::Make(codec, raw);
  if (!stream.ok()) return error::InputUnreadable(file.path, stream.status().message());
  return OpenedInput{*stream, raw};
}

absl::Status CheckUnchanged(const InputFile& file) {
  SDA_ASSIGN_OR_RETURN(const Location location, Locate(file.path));
  auto info = location.filesystem->GetFileInfo(location.path);
  if (!info.ok()) return error::InputUnreadable(file.path, info.status().message());
  if (ToInputFile(*info, file.path) != file) return error::InputChanged(file.path);
  return absl::OkStatus();
}

}  // namespace sda::preprocessing
