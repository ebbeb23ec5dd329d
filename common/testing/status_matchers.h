#ifndef SDA_COMMON_TESTING_STATUS_MATCHERS_H_
#define SDA_COMMON_TESTING_STATUS_MATCHERS_H_

#include <ostream>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sda::testing {

inline const absl::Status& GetStatus(const absl::Status& status) {
  return status;  // NOLINT(bugprone-return-const-ref-from-parameter): a matcher's argument outlives the match
}
template <class T>
const absl::Status& GetStatus(const absl::StatusOr<T>& status_or) {
  return status_or.status();
}

// EXPECT_THAT(f(), StatusIs(absl::StatusCode::kNotFound, HasSubstr("trials/7")));
MATCHER_P2(StatusIs, code, message,
           "has code " + absl::StatusCodeToString(code) + " and a message that " +
               ::testing::DescribeMatcher<std::string>(message)) {
  const absl::Status& status = GetStatus(arg);
  *result_listener << "which is " << status.ToString();
  return status.code() == code && ::testing::Matches(message)(std::string(status.message()));
}
MATCHER_P(StatusIs, code, "has code " + absl::StatusCodeToString(code)) {
  const absl::Status& status = GetStatus(arg);
  *result_listener << "which is " << status.ToString();
  return status.code() == code;
}

MATCHER(IsOk, "is OK") {
  const absl::Status& status = GetStatus(arg);
  *result_listener << "which is " << status.ToString();
  return status.ok();
}

}  // namespace sda::testing

#define SDA_EXPECT_OK(expression) EXPECT_THAT(expression, ::sda::testing::IsOk())
#define SDA_ASSERT_OK(expression) ASSERT_THAT(expression, ::sda::testing::IsOk())

#define SDA_TESTING_CONCAT_INNER_(a, b) a##b
#define SDA_TESTING_CONCAT_(a, b) SDA_TESTING_CONCAT_INNER_(a, b)
#define SDA_ASSERT_OK_AND_ASSIGN(lhs, expression) \
  SDA_ASSERT_OK_AND_ASSIGN_IMPL_(SDA_TESTING_CONCAT_(sda_statusor_, __LINE__), lhs, expression)
#define SDA_ASSERT_OK_AND_ASSIGN_IMPL_(result, lhs, expression) \
  auto result = (expression);                                   \
  SDA_ASSERT_OK(result);                                        \
  lhs = *std::move(result)

#endif  // SDA_COMMON_TESTING_STATUS_MATCHERS_H_
