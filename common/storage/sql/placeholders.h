#ifndef SDA_COMMON_STORAGE_SQL_PLACEHOLDERS_H_
#define SDA_COMMON_STORAGE_SQL_PLACEHOLDERS_H_

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/storage/sql/connection.h"

namespace sda::sql {

// Prepared statements by their text.
struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
template <class Statement>
using StatementCache = std::unordered_map<std::string, Statement, TextHash, std::equal_to<>>;

struct PositionalSql {
  std::string text;
  int parameters = 0;
};

// `sql` with each `:name` outside quotes replaced by the dialect's positional parameter: ?1, ?2 … or $1, $2 …
PositionalSql ToPositional(std::string_view sql, Dialect dialect);

}  // namespace sda::sql

#endif  // SDA_COMMON_STORAGE_SQL_PLACEHOLDERS_H_
