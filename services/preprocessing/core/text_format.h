#ifndef SDA_SERVICES_PREPROCESSING_CORE_TEXT_FORMAT_H_
#define SDA_SERVICES_PREPROCESSING_CORE_TEXT_FORMAT_H_

#include <string>

namespace sda::preprocessing {

// How delimited text is laid out.
struct TextFormat {
  std::string delimiter = ",";  // 1 to 8 bytes, without newline, carriage return and quote
  bool quotes = true;           // fields may be quoted as in RFC 4180
  bool header = false;          // the first record of each file names the columns

  bool operator==(const TextFormat&) const = default;
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_TEXT_FORMAT_H_
