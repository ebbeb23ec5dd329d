#include "services/preprocessing/core/utf8_check.h"

#include <arrow/util/utf8.h>

namespace sda::preprocessing {

bool IsValidUtf8(std::string_view text) {
  static const bool initialized = [] {
    arrow::util::InitializeUTF8();
    return true;
  }();
  return initialized && arrow::util::ValidateUTF8(text);
}

}  // namespace sda::preprocessing
