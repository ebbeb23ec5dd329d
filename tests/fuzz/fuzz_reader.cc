// A libFuzzer target for one reader of files, SDA_FUZZ_READER. See docs/testing.md.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/reader_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::Status status =
      sda::fuzz::FuzzReader(SDA_FUZZ_READER, {reinterpret_cast<const char*>(data), size});
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
    std::abort();
  }
  return 0;
}
