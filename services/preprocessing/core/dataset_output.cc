#include "services/preprocessing/core/dataset_output.h"

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/result.h>

#include "common/base/sha256.h"
#include "common/base/status_macros.h"

namespace sda::preprocessing {

absl::StatusOr<std::string> DatasetOutput::Read(const std::string& path) {
  SDA_ASSIGN_OR_RETURN(const auto file, Open(path));
  const auto size = file->GetSize();
  if (!size.ok()) return absl::UnavailableError(size.status().ToString());
  const auto bytes = file->ReadAt(0, *size);
  if (!bytes.ok()) return absl::UnavailableError(bytes.status().ToString());
  return (*bytes)->ToString();
}

absl::StatusOr<FileDigest> DigestOf(arrow::io::RandomAccessFile& file) {
  constexpr int64_t kPieceBytes = 1 << 20;
  Sha256 sha256;
  FileDigest digest;
  while (true) {
    const auto piece = file.ReadAt(digest.bytes, kPieceBytes);
    if (!piece.ok()) return absl::UnavailableError(piece.status().ToString());
    if ((*piece)->size() == 0) break;
    sha256.Update(std::string_view(**piece));
    digest.bytes += (*piece)->size();
  }
  digest.sha256 = sha256.HexDigest();
  return digest;
}

}  // namespace sda::preprocessing
