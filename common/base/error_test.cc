#include "common/base/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sda {
namespace {

TEST(ErrorTest, DetailSurvivesTheStatus) {
  const ErrorDetail detail{.reason = "LEASE_LOST",
                           .metadata = {{"trial", "experiments/a/trials/7"}, {"empty", ""}},
                           .violations = {{"a.b", "is NaN"}, {"c[1]", ""}}};
  const absl::Status status = MakeError(absl::StatusCode::kFailedPrecondition, "lease lost", detail);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(GetErrorDetail(status), detail);
  EXPECT_EQ(GetErrorReason(status), "LEASE_LOST");
}

TEST(ErrorTest, PlainStatusHasNoDetail) {
  EXPECT_EQ(GetErrorDetail(absl::InternalError("x")), std::nullopt);
  EXPECT_EQ(GetErrorReason(absl::InternalError("x")), "");
}

TEST(ErrorTest, InvalidFieldsNamesEachFieldInTheMessage) {
  const absl::Status status = InvalidFields({{"a", "is empty"}, {"b", "is 0; must be at least 1"}});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(status.message()), "a: is empty; b: is 0; must be at least 1");
}

TEST(ErrorTest, AnnotateKeepsCodeAndDetail) {
  const absl::Status status = Annotate(InvalidField("label", "does not exist"), "clicks.tsv");
  EXPECT_EQ(std::string(status.message()), "clicks.tsv: label: does not exist");
  EXPECT_EQ(GetErrorReason(status), "INVALID_FIELD");
  EXPECT_TRUE(Annotate(absl::OkStatus(), "x").ok());
}

}  // namespace
}  // namespace sda
