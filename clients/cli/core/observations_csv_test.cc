#include "clients/cli/core/observations_csv.h"

#include <gmock/gmock.h>

namespace sda::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ObservationsCsvTest, QuotesLinesAndMarksAreUnderstood) {
  const auto table =
      ParseObservations("\xef\xbb\xbfname,note\r\n1,\"a, \"\"b\"\"\nc\"\r\n\n2,\n3,x", "f.csv");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(table->header, ElementsAre("name", "note"));
  ASSERT_EQ(table->rows.size(), 3);
  EXPECT_THAT(table->rows[0].cells, ElementsAre("1", "a, \"b\"\nc"));
  EXPECT_EQ(table->rows[1].line, 5) << "after a cell of two lines and a blank one";
  EXPECT_THAT(table->rows[1].cells, ElementsAre("2", ""));
  EXPECT_THAT(table->rows[2].cells, ElementsAre("3", "x"));
  EXPECT_EQ(PlaceOf(*table, 1, 1), "line 5, column 2 (note)");
}

TEST(ObservationsCsvTest, EveryProblemIsNamedWithItsPlace) {
  const auto message = [](const char* text) {
    return std::string(ParseObservations(text, "f.csv").status().message());
  };
  EXPECT_EQ(message(""), "f.csv: has no header");
  EXPECT_EQ(message("a,b\n"), "f.csv: has no row");
  EXPECT_EQ(message("a,a\n1,2\n"), "f.csv: line 1, column 2: \"a\" is there twice");
  EXPECT_EQ(message("a,\n1,2\n"), "f.csv: line 1, column 2: has no name");
  EXPECT_EQ(message("a,b\n1\n1,2,3\n"),
            "f.csv: line 2: has 1 cells; the header has 2\nf.csv: line 3: has 3 cells; the header has 2");
  EXPECT_EQ(message("a\n\"x\n"), "f.csv: line 2, column 1: a quote is not closed");
  EXPECT_EQ(message("a\n\"x\"y\n"), "f.csv: line 2, column 1: has text behind the closing quote");
  std::string many = "a,b\n";
  for (int i = 0; i < 50; ++i) many += "1\n";
  EXPECT_THAT(message(many.c_str()), HasSubstr("and 30 more of the kind"));
}

}  // namespace
}  // namespace sda::cli
