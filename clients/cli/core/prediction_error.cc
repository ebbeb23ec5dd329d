#include "clients/cli/core/prediction_error.h"

#include <optional>
#include <string>
#include <string_view>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include "common/base/error.h"

namespace sda::cli {

absl::Status NameDataRow(const absl::Status& error, int64_t rows_before) {
  constexpr std::string_view kBegin = "columns[", kRow = "].values[", kEnd = "]";
  const std::optional<ErrorDetail> detail = GetErrorDetail(error);
  if (!detail || detail->violations.size() != 1) return error;
  const std::string& field = detail->violations[0].field;
  // From the back: a column's name may hold brackets.
  const size_t row_at = field.rfind(kRow);
  if (row_at == std::string::npos || !field.starts_with(kBegin) || !field.ends_with(kEnd)) return error;
  int64_t row = 0;
  const size_t digits = row_at + kRow.size();
  if (!absl::SimpleAtoi(field.substr(digits, field.size() - digits - kEnd.size()), &row)) return error;
  const std::string column = field.substr(kBegin.size(), row_at - kBegin.size());
  return InvalidField(absl::StrCat("row ", rows_before + row + 1, " of the data, column ", column),
                      detail->violations[0].description);
}

}  // namespace sda::cli
