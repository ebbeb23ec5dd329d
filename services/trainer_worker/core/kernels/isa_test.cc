#include "services/trainer_worker/core/kernels/isa.h"

#include <gtest/gtest.h>

namespace sda::trainer {
namespace {

// Puts the limit back that the program began with.
class IsaTest : public testing::Test {
 protected:
  ~IsaTest() override { LimitIsa(before_); }
  const Isa before_ = UsableIsa();
};

TEST_F(IsaTest, ALimitBindsAndGoesAgain) {
  for (Isa isa : SupportedIsas()) {
    LimitIsa(isa);
    EXPECT_EQ(UsableIsa(), isa) << Name(isa);
  }
}

TEST_F(IsaTest, NamesAreUnderstoodAndOthersRefused) {
  for (Isa isa : SupportedIsas()) {
    EXPECT_TRUE(LimitIsa(Name(isa)).ok());
    EXPECT_EQ(UsableIsa(), isa);
  }
  EXPECT_TRUE(LimitIsa(std::string_view()).ok());
  const absl::Status status = LimitIsa(std::string_view("avx1024"));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("\"avx1024\"; must be one of plain, avx2"), absl::string_view::npos)
      << status;
}

}  // namespace
}  // namespace sda::trainer
