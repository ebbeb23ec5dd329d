// A libFuzzer target for one request message, SDA_FUZZ_TYPE. See docs/testing.md.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/request_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Never destroyed: the libraries it uses may be gone by then.
  static auto& fuzzer = *new sda::fuzz::RequestFuzzer;
  const absl::Status status = fuzzer.Try(SDA_FUZZ_TYPE, {reinterpret_cast<const char*>(data), size});
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
    std::abort();
  }
  return 0;
}
