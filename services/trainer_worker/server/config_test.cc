#include "services/trainer_worker/server/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"

namespace sda::trainer {
namespace {

using sda::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

Config Good() {
  Config config;
  config.optimizer = "127.0.0.1:1";
  config.artefacts = "/data";
  config.slots = 2;
  config.threads_per_slot = 3;
  return config;
}

TEST(ConfigTest, SlotsTimesThreadsFitTheCores) {
  SDA_EXPECT_OK(Validate(Good(), 6));
  EXPECT_THAT(Validate(Good(), 5),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("--slots"), HasSubstr("6 threads"), HasSubstr("5 cores"))));
}

TEST(ConfigTest, OptimizerAndArtefactsAreRequired) {
  Config config = Good();
  config.optimizer.clear();
  EXPECT_THAT(Validate(config, 6), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--optimizer")));
  config = Good();
  config.artefacts.clear();
  EXPECT_THAT(Validate(config, 6), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--artefacts")));
  config.artefacts = "s3://bucket";
  EXPECT_THAT(Validate(config, 6), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("mounted folder")));
}

}  // namespace
}  // namespace sda::trainer
