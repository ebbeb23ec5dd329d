#include "clients/cli/core/prediction_error.h"

#include <gtest/gtest.h>

#include "common/base/error.h"

namespace sda::cli {
namespace {

TEST(PredictionErrorTest, TheRowOfARequestBecomesTheRowOfTheData) {
  EXPECT_EQ(NameDataRow(InvalidField("columns[age].values[17]", "is \"old\""), 10'000).message(),
            "row 10018 of the data, column age: is \"old\"");
  EXPECT_EQ(NameDataRow(InvalidField("columns[a].values[1]].values[0]", "is \"x\""), 0).message(),
            "row 1 of the data, column a].values[1]: is \"x\"");
}

TEST(PredictionErrorTest, OtherErrorsStayAsTheyAre) {
  for (const absl::Status& error :
       {InvalidField("columns", "has \"x\""), InvalidField("columns[age].values", "has 2 rows"),
        InvalidField("columns[age].values[x]", "is odd"), absl::NotFoundError("no model")}) {
    EXPECT_EQ(NameDataRow(error, 5), error);
  }
}

}  // namespace
}  // namespace sda::cli
