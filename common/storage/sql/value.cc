#include "common/storage/sql/value.h"

#include <absl/strings/escaping.h>

namespace sda::sql {

Value::Value(const Bytes& value) : content_(absl::Base64Escape(value.data)) {}

}  // namespace sda::sql
