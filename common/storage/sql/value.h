#ifndef SDA_COMMON_STORAGE_SQL_VALUE_H_
#define SDA_COMMON_STORAGE_SQL_VALUE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <absl/time/time.h>

namespace sda::sql {

// Arbitrary bytes. Stored as base64 text, which every database holds, compares and copies alike.
struct Bytes {
  std::string data;

  bool operator==(const Bytes&) const = default;
};

// A statement's parameter: NULL, a 64-bit integer, a double or UTF-8 text. NaN must not be stored: SQLite
// turns it into NULL. Times are stored as microseconds since 1970 in a BIGINT column, bool as 0 and 1.
class Value {
 public:
  using Content = std::variant<std::monostate, int64_t, double, std::string>;

  Value(std::nullopt_t) {}                                          // NOLINT(misc-explicit-constructor)
  Value(bool value) : content_(int64_t{value}) {}                   // NOLINT(misc-explicit-constructor)
  Value(int value) : content_(int64_t{value}) {}                    // NOLINT(misc-explicit-constructor)
  Value(int64_t value) : content_(value) {}                         // NOLINT(misc-explicit-constructor)
  Value(double value) : content_(value) {}                          // NOLINT(misc-explicit-constructor)
  Value(std::string value) : content_(std::move(value)) {}          // NOLINT(misc-explicit-constructor)
  Value(std::string_view value) : content_(std::string(value)) {}   // NOLINT(misc-explicit-constructor)
  Value(const char* value) : content_(std::string(value)) {}        // NOLINT(misc-explicit-constructor)
  Value(const Bytes& value);                                        // NOLINT(misc-explicit-constructor)
  Value(absl::Time value) : content_(absl::ToUnixMicros(value)) {}  // NOLINT(misc-explicit-constructor)
  template <typename T>
  Value(const std::optional<T>& value) {  // NOLINT(misc-explicit-constructor)
    if (value) *this = Value(*value);
  }

  const Content& content() const { return content_; }

 private:
  Content content_;
};

}  // namespace sda::sql

#endif  // SDA_COMMON_STORAGE_SQL_VALUE_H_
