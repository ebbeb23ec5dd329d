#include "common/base/version.h"

namespace sda {

std::string_view Version() {
  return SDA_VERSION;
}

}  // namespace sda
