#ifndef SDA_TESTS_FUZZ_REQUEST_FUZZ_H_
#define SDA_TESTS_FUZZ_REQUEST_FUZZ_H_

#include <memory>
#include <string>
#include <string_view>

#include <absl/status/status.h>

#include "tests/fuzz/request_world.h"

namespace sda::fuzz {

// Takes bytes as the service would. One world for all calls, replaced when it has grown. Not thread-safe.
class RequestFuzzer {
 public:
  // OK for bytes that are no message of the type; a status only where the answer was not an orderly one.
  absl::Status Try(const std::string& type, std::string_view bytes);

 private:
  std::unique_ptr<RequestWorld> world_;
  int calls_ = 0;
};

}  // namespace sda::fuzz

#endif  // SDA_TESTS_FUZZ_REQUEST_FUZZ_H_
