#ifndef SDA_SERVICES_PREPROCESSING_CORE_TOKENIZER_H_
#define SDA_SERVICES_PREPROCESSING_CORE_TOKENIZER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "services/preprocessing/core/cells.h"
#include "services/preprocessing/core/text_format.h"

namespace sda::preprocessing {

// Cuts delimited text into fields. Rows are records of RFC 4180: they end at a newline outside quotes; a
// carriage return before it is dropped; a quoted field loses its quotes and doubled quotes become one; blanks
// are kept. Blank lines are skipped. Every other row must have the same number of fields. Reusable; not
// thread-safe.
class Tokenizer {
 public:
  Tokenizer(TextFormat format, size_t columns);

  // Tokenizes text[0, size), which must end with a newline and have kCellPadding readable bytes behind it.
  // Quoted fields with doubled quotes are rewritten in place. On success `out` refers to `text`. On an error
  // `out` holds the rows before it. Where bad rows do not end the job there are no errors: out.bad tells
  // which rows were left out, or mended: short ones padded with empty fields, long ones cut.
  std::optional<CellError> Tokenize(char* text, size_t size, CellBlock& out);

 private:
  std::optional<CellError> TokenizePlain(const char* text, size_t positions, CellBlock& out);
  std::optional<CellError> TokenizeGeneral(char* text, size_t positions, CellBlock& out);

  const TextFormat format_;
  const size_t columns_;
  std::unique_ptr<uint32_t[]> positions_;
  size_t capacity_ = 0;
};

// A record whatever its number of fields.
struct RawRecord {
  std::vector<std::string> fields;
  size_t end = 0;     // position behind its newline
  int64_t line = 0;   // lines before it
  int64_t lines = 0;  // lines up to its end
};

// The first `limit` records of `text`, which should end at the end of a record; blank lines are skipped.
// Stops at a malformed record. For headers and guesses, not for speed.
std::vector<RawRecord> ReadRecords(std::string_view text, const TextFormat& format, size_t limit);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_TOKENIZER_H_
