#ifndef SDA_SERVICES_PREPROCESSING_CORE_TEXT_SOURCE_H_
#define SDA_SERVICES_PREPROCESSING_CORE_TEXT_SOURCE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "services/preprocessing/core/row_source.h"

namespace sda::preprocessing {

// Delimited text, read ahead of nobody: Next() reads one block's worth of bytes and cuts at the last newline
// outside quotes. Header lines are checked against the layout's columns and left out, as is a UTF-8 byte
// order mark.
class TextSource final : public RowSource {
 public:
  TextSource(std::vector<InputFile> files, InputLayout layout);

  absl::StatusOr<bool> Next(Block& block) override;
  std::unique_ptr<BlockDecoder> NewDecoder() const override;

 private:
  absl::Status OpenFile();
  absl::Status SkipHeader(Block& block, size_t& begin);
  absl::Status RowTooLong() const;
  absl::Status DropLongRow(Block& block, size_t begin);
  absl::Status Fill(Block& block, size_t at_least);
  const InputFile& file() const { return files_[static_cast<size_t>(next_file_)]; }

  const std::vector<InputFile> files_;
  const InputLayout layout_;
  int next_file_ = 0;  // the file being read
  bool open_ = false;
  bool at_end_ = false;        // no more bytes in the open file
  bool file_started_ = false;  // a block of the open file was handed out
  bool dropped_ = false;       // the open file ended before its time
  CellError damage_;           // found since the last block
  OpenedInput input_;
  std::string rest_;  // bytes read but not handed out
  int64_t next_block_ = 0;
  int64_t finished_bytes_ = 0;  // of the files before
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_TEXT_SOURCE_H_
