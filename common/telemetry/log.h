#ifndef SDA_COMMON_TELEMETRY_LOG_H_
#define SDA_COMMON_TELEMETRY_LOG_H_

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <absl/strings/string_view.h>

// Structured logs: one JSON object a line on standard error, e.g.
//   {"time":"2026-01-02T03:04:05.678901Z","level":"info","service":"optimizer","message":"call","method":"GetTrial",…}
// Thread-safe. A service's core does not log; it returns statuses, and who handles one logs it, once.
namespace sda::log {

enum class Level { kDebug, kInfo, kWarning, kError };

// "debug", "info", "warning" or "error"; nothing for other text.
std::optional<Level> ParseLevel(std::string_view text);
std::string_view LevelName(Level level);

// A key and a value of a line. Text that is no valid UTF-8 is repaired; a number that is not finite becomes
// null.
class Field {
 public:
  using Value = std::variant<std::string, int64_t, double, bool>;

  Field(std::string_view key, std::string value) : key_(key), value_(std::move(value)) {}
  Field(std::string_view key, std::string_view value) : Field(key, std::string(value)) {}
  Field(std::string_view key, absl::string_view value) : Field(key, std::string(value)) {}
  Field(std::string_view key, const char* value) : Field(key, std::string(value)) {}
  Field(std::string_view key, bool value) : key_(key), value_(value) {}
  Field(std::string_view key, std::integral auto value) : key_(key), value_(static_cast<int64_t>(value)) {}
  Field(std::string_view key, std::floating_point auto value)
      : key_(key), value_(static_cast<double>(value)) {}

  const std::string& key() const { return key_; }
  const Value& value() const { return value_; }

 private:
  std::string key_;
  Value value_;
};

// Sets the service that every line names and the lowest level that is written. Before it: "", info.
void Configure(std::string_view service, Level lowest);

bool IsEnabled(Level level);

void Write(Level level, std::string_view message, std::span<const Field> fields);
inline void Write(Level level, std::string_view message, std::initializer_list<Field> fields = {}) {
  Write(level, message, std::span(fields.begin(), fields.size()));
}

inline void Debug(std::string_view message, std::initializer_list<Field> fields = {}) {
  Write(Level::kDebug, message, fields);
}
inline void Info(std::string_view message, std::initializer_list<Field> fields = {}) {
  Write(Level::kInfo, message, fields);
}
inline void Warning(std::string_view message, std::initializer_list<Field> fields = {}) {
  Write(Level::kWarning, message, fields);
}
inline void Error(std::string_view message, std::initializer_list<Field> fields = {}) {
  Write(Level::kError, message, fields);
}

// Hands everything written so far to the operating system.
void Flush();

// The text of a line, without the newline; what Write prints.
std::string FormatLine(std::string_view time, Level level, std::string_view service, std::string_view message,
                       std::span<const Field> fields);

}  // namespace sda::log

#endif  // SDA_COMMON_TELEMETRY_LOG_H_
