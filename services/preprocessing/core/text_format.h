#ifndef SDA_SERVICES_PREPROCESSING_CORE_TEXT_FORMAT_H_
#define SDA_SERVICES_PREPROCESSING_CORE_TEXT_FORMAT_H_

#include <cstddef>
#include <string>

#include "services/preprocessing/core/bad_rows.h"

namespace sda::preprocessing {

// A row of this size or longer is an error: a file without newlines is not a log.
inline constexpr size_t kMaxRowBytes = 64 * 1024 * 1024;

// How delimited text is laid out.
struct TextFormat {
  std::string delimiter = ",";  // 1 to 8 bytes, without newline, carriage return and quote
  bool quotes = true;           // fields may be quoted as in RFC 4180
  bool header = false;          // the first record of each file names the columns
  BadRowPolicy bad_rows = BadRowPolicy::kFail;
  size_t max_row_bytes = kMaxRowBytes;  // at least that of a block

  bool operator==(const TextFormat&) const = default;
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_TEXT_FORMAT_H_
