#ifndef SDA_SERVICES_PREPROCESSING_CORE_ROW_SOURCE_H_
#define SDA_SERVICES_PREPROCESSING_CORE_ROW_SOURCE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "services/preprocessing/core/cells.h"
#include "services/preprocessing/core/input_files.h"
#include "services/preprocessing/core/text_format.h"

namespace arrow {
class RecordBatch;
}  // namespace arrow

namespace sda::preprocessing {

// What the files have in common.
struct InputLayout {
  enum class Kind { kText, kParquet, kArrow };
  Kind kind = Kind::kText;
  TextFormat text;                   // of kText
  std::vector<std::string> columns;  // names, in input order; unique

  bool operator==(const InputLayout&) const = default;
};

// A run of whole rows of one file, not decoded yet. Reusable: keeps its memory.
struct Block {
  int64_t index = 0;  // blocks are numbered from 0 in row order over all files
  int file = 0;       // index into the files of the source
  bool starts_file = false;
  int64_t header_lines = 0;       // lines of the file before its first block, where starts_file
  std::unique_ptr<char[]> bytes;  // text, and kCellPadding bytes behind it
  size_t size = 0;
  size_t capacity = 0;
  std::shared_ptr<arrow::RecordBatch> batch;  // of columnar files
  int64_t input_bytes = 0;                    // bytes of input passed, over all files
  CellError damage;        // of the file behind the block, where bad rows do not end the job
  int64_t lost_lines = 0;  // lines behind the block that are not in it, where damaged
};

// Turns a block into cells; one for each thread, as it keeps scratch memory.
class BlockDecoder {
 public:
  virtual ~BlockDecoder() = default;

  // Decodes `block`; `cells` refers to memory of block and decoder until the next call. A CellError is about
  // the data; a status is about reading it.
  virtual absl::StatusOr<std::optional<CellError>> Decode(Block& block, CellBlock& cells) = 0;
};

// All rows of some files in order, cut into blocks. The cut depends on nothing but the files.
class RowSource {
 public:
  virtual ~RowSource() = default;

  // Fills `block` with the next rows; false at the end. One caller at a time.
  virtual absl::StatusOr<bool> Next(Block& block) = 0;

  // Thread-safe.
  virtual std::unique_ptr<BlockDecoder> NewDecoder() const = 0;
};

// A source over `files`, which must have the layout.
std::unique_ptr<RowSource> OpenRowSource(std::vector<InputFile> files, const InputLayout& layout);

// Bytes of text in a block, apart from longer rows.
inline constexpr size_t kBlockBytes = 256 * 1024;

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_ROW_SOURCE_H_
