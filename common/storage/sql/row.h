#ifndef SDA_COMMON_STORAGE_SQL_ROW_H_
#define SDA_COMMON_STORAGE_SQL_ROW_H_

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>
#include <absl/time/time.h>

#include "common/storage/sql/connection.h"
#include "common/storage/sql/value.h"

// Typed columns for Transaction::Query.
namespace sda::sql::internal {

template <typename T>
struct Column {
  using Inner = T;
  static constexpr bool kOptional = false;
};

template <typename T>
struct Column<std::optional<T>> {
  using Inner = T;
  static constexpr bool kOptional = true;
};

template <typename T>
constexpr ColumnType ColumnTypeOf() {
  using Inner = typename Column<T>::Inner;
  if constexpr (std::is_same_v<Inner, bool> || std::is_same_v<Inner, int64_t> ||
                std::is_same_v<Inner, absl::Time>) {
    return ColumnType::kInteger;
  } else if constexpr (std::is_same_v<Inner, double>) {
    return ColumnType::kDouble;
  } else {
    static_assert(std::is_same_v<Inner, std::string> || std::is_same_v<Inner, Bytes>);
    return ColumnType::kText;
  }
}

// Sets `out` from a cell of the type that ColumnTypeOf names; false for NULL in a plain column or bad base64.
template <typename T>
bool SetColumn(const Value& cell, T& out) {
  if constexpr (Column<T>::kOptional) {
    if (std::holds_alternative<std::monostate>(cell.content())) {
      out = std::nullopt;
      return true;
    }
    return SetColumn(cell, out.emplace());
  } else if constexpr (std::is_same_v<T, absl::Time>) {
    const auto* micros = std::get_if<int64_t>(&cell.content());
    if (micros != nullptr) out = absl::FromUnixMicros(*micros);
    return micros != nullptr;
  } else if constexpr (std::is_same_v<T, bool>) {
    const auto* integer = std::get_if<int64_t>(&cell.content());
    if (integer != nullptr) out = *integer != 0;
    return integer != nullptr;
  } else if constexpr (std::is_same_v<T, Bytes>) {
    const auto* text = std::get_if<std::string>(&cell.content());
    return text != nullptr && absl::Base64Unescape(*text, &out.data);
  } else {
    const T* value = std::get_if<T>(&cell.content());
    if (value != nullptr) out = *value;
    return value != nullptr;
  }
}

template <typename Tuple, size_t... I>
int FirstBadColumn(const std::vector<Value>& row, Tuple& tuple, std::index_sequence<I...>) {
  int bad = -1;
  ((bad < 0 && !SetColumn(row[I], std::get<I>(tuple)) ? void(bad = static_cast<int>(I)) : void()), ...);
  return bad;
}

template <typename... Columns>
absl::StatusOr<std::tuple<Columns...>> Convert(const std::vector<Value>& row) {
  std::tuple<Columns...> tuple;
  const int bad = FirstBadColumn(row, tuple, std::index_sequence_for<Columns...>());
  if (bad >= 0)
    return absl::InternalError(absl::StrCat("database: column ", bad, " is NULL or not of its type"));
  return tuple;
}

}  // namespace sda::sql::internal

#endif  // SDA_COMMON_STORAGE_SQL_ROW_H_
