// Limits the kernels of a test program to the instruction set that SDA_MAX_ISA names, so that the whole suite
// runs on each.
#include <cstdlib>

#include <gtest/gtest.h>

#include "services/trainer_worker/core/kernels/isa.h"

namespace sda::trainer {
namespace {

class IsaEnvironment final : public testing::Environment {
 public:
  void SetUp() override {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets variables
    const char* name = std::getenv("SDA_MAX_ISA");
    const absl::Status status = LimitIsa(std::string_view(name == nullptr ? "" : name));
    ASSERT_TRUE(status.ok()) << status;
  }
};

[[maybe_unused]] const auto* const kEnvironment = testing::AddGlobalTestEnvironment(new IsaEnvironment);

}  // namespace
}  // namespace sda::trainer
