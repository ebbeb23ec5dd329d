#include "common/storage/sql/placeholders.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

namespace sda::sql {
namespace {

bool IsNameCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
}

}  // namespace

PositionalSql ToPositional(std::string_view sql, Dialect dialect) {
  PositionalSql result;
  result.text.reserve(sql.size());
  char quote = '\0';
  for (size_t i = 0; i < sql.size(); ++i) {
    const char c = sql[i];
    if (quote != '\0') {
      if (c == quote) quote = '\0';
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == ':' && i + 1 < sql.size() && IsNameCharacter(sql[i + 1])) {
      absl::StrAppend(&result.text, dialect == Dialect::kSqlite ? "?" : "$", ++result.parameters);
      while (i + 1 < sql.size() && IsNameCharacter(sql[i + 1])) ++i;
      continue;
    }
    result.text += c;
  }
  return result;
}

}  // namespace sda::sql
