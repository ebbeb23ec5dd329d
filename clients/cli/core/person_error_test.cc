#include "clients/cli/core/person_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/error.h"

namespace sda::cli {
namespace {

using ::testing::HasSubstr;

TEST(PersonErrorTest, FieldsBecomeOptions) {
  const PersonError error =
      ExplainError(InvalidField("spec.dataset_spec.label", "'clik' is not a column of clicks.csv"));
  EXPECT_EQ(error.text, "--label: 'clik' is not a column of clicks.csv");
  EXPECT_EQ(error.exit_code, ExitCode::kBadInput);
}

TEST(PersonErrorTest, TheInnermostOptionWins) {
  EXPECT_EQ(OptionOfField("spec.dataset_spec.split.validation_share"), "--validation-share");
  EXPECT_EQ(OptionOfField("spec.dataset_spec.columns[3].name"), "--schema");
  EXPECT_EQ(OptionOfField("parameters[2].bounds.min"), "parameters[2].bounds.min");
}

TEST(PersonErrorTest, EveryViolationHasItsLine) {
  const PersonError error =
      ExplainError(InvalidFields({{"seed", "is negative"}, {"observation_budget", "is 0"}}));
  EXPECT_EQ(error.text, "--seed: is negative\n--budget: is 0");
}

TEST(PersonErrorTest, WhatStandsBeforeTheFieldStays) {
  EXPECT_EQ(ExplainError(Annotate(InvalidField("columns[0].role", "is bad"), "schema.yaml:3:5")).text,
            "schema.yaml:3:5: --schema: is bad");
}

TEST(PersonErrorTest, ExitCodes) {
  EXPECT_EQ(ExplainError(absl::NotFoundError("x")).exit_code, ExitCode::kBadInput);
  EXPECT_EQ(ExplainError(absl::UnavailableError("x")).exit_code, ExitCode::kFailed);
  EXPECT_EQ(ExplainError(absl::FailedPreconditionError("x")).exit_code, ExitCode::kFailed);
  EXPECT_EQ(ExplainError(absl::CancelledError("x")).exit_code, ExitCode::kInterrupted);
}

TEST(PersonErrorTest, TransportErrorsSayWhoAndWhere) {
  const absl::Status transport =
      absl::UnavailableError("failed to connect to all addresses; last error: UNKNOWN: ipv4");
  const std::string text(ExplainCall(transport, "advisor", "127.0.0.1:7001").message());
  EXPECT_THAT(text, HasSubstr("the advisor at 127.0.0.1:7001 cannot be reached"));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("UNKNOWN")));
}

TEST(PersonErrorTest, WhatTheServiceSaysPassesThrough) {
  ErrorDetail detail;
  detail.reason = "SERVER_STOPPING";
  const absl::Status said = MakeError(absl::StatusCode::kUnavailable, "the server stops", detail);
  EXPECT_EQ(ExplainCall(said, "advisor", "127.0.0.1:7001"), said);
}

}  // namespace
}  // namespace sda::cli
