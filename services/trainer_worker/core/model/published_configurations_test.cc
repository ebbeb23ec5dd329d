// Sizes of published models, computed independently of this code.
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "services/trainer_worker/core/model/dlrm.h"
#include "services/trainer_worker/core/model/mixed_dimensions.h"

namespace sda::trainer {
namespace {

const std::vector<int64_t> kKaggle = {1460,  583,  10131227, 2202608, 305, 24,     12517,   633,   3,
                                      93145, 5683, 8351593,  3194,    27,  14992,  5461306, 10,    5652,
                                      2173,  4,    7046547,  18,      15,  286181, 105,     142572};
const std::vector<int64_t> kTerabyte10M = {9980333, 36084,   17217,   7378,    20134,  3,     7112, 1442, 61,
                                           9758201, 1333352, 313829,  10,      2208,   11156, 122,  4,    970,
                                           14,      9994222, 7267859, 9946608, 415421, 12420, 101,  36};
const std::vector<int64_t> kTerabyte40M = {
    39884406, 39043, 17289, 7420, 20263, 3,  7120,     1543,     63,       38532951, 2953546, 403346, 10,
    2208,     11938, 155,   4,    976,   14, 39979771, 25641295, 39664984, 585935,   12972,   108,    36};

InputShape Inputs(int64_t dense_columns, std::vector<int64_t> rows) {
  const size_t tables = rows.size();
  return {.dense_columns = dense_columns,
          .table_rows = std::move(rows),
          .table_names = std::vector<std::string>(tables)};
}

int64_t NetworkParameters(const DlrmLayout& layout) {
  int64_t parameters = 0;
  for (const DenseTensor& tensor : layout.tensors()) parameters += tensor.size();
  return parameters;
}

struct Published {
  const char* name;
  ModelSpec spec;
  InputShape inputs;
  int64_t network_parameters;
  int64_t top_inputs;
  double table_gigabytes;  // of 10^9 bytes; 0: not published
};

const Published kPublished[] = {
    {"kaggle",
     {.embedding_dim = 16, .bottom_layers = {512, 256, 64}, .top_layers = {512, 256}},
     Inputs(13, kKaggle),
     475'985,
     367,
     2.16},
    {"terabyte_10m",
     {.embedding_dim = 64, .bottom_layers = {512, 256}, .top_layers = {512, 512, 256}},
     Inputs(13, kTerabyte10M),
     762'177,
     415,
     12.58},
    {"mlperf_40m",
     {.embedding_dim = 128, .bottom_layers = {512, 256}, .top_layers = {1024, 1024, 512, 256}},
     Inputs(13, kTerabyte40M),
     2'368'897,
     479,
     96.14},
    {"sda_light",
     {.embedding_dim = 64, .bottom_layers = {128}, .top_layers = {256, 128}},
     Inputs(13, kTerabyte40M),
     149'569,
     415,
     0},
    {"sda_default",
     {.embedding_dim = 128, .bottom_layers = {128}, .top_layers = {256, 128}},
     Inputs(13, kTerabyte40M),
     174'209,
     479,
     0},
    {"benchmark_random",
     {.embedding_dim = 64, .bottom_layers = {512}, .top_layers = {1024, 1024, 1024}},
     Inputs(512, std::vector<int64_t>(8, 1'000'000)),
     2'499'137,
     100,
     0},
};

class PublishedConfigurationTest : public testing::TestWithParam<Published> {};

TEST_P(PublishedConfigurationTest, Sizes) {
  const Published& published = GetParam();
  const DlrmLayout layout(published.spec, published.inputs);
  EXPECT_EQ(NetworkParameters(layout), published.network_parameters);
  EXPECT_EQ(layout.interaction_outputs(), published.top_inputs);
  if (published.table_gigabytes > 0) {
    EXPECT_NEAR(static_cast<double>(layout.embedding_floats()) * 4 / 1e9, published.table_gigabytes, 0.005);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, PublishedConfigurationTest, testing::ValuesIn(kPublished),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(PublishedConfigurationTest, RowsAndParametersOfAllTables) {
  EXPECT_EQ(std::accumulate(kKaggle.begin(), kKaggle.end(), int64_t{0}), 33'762'577);
  EXPECT_EQ(std::accumulate(kTerabyte10M.begin(), kTerabyte10M.end(), int64_t{0}), 49'126'297);
  EXPECT_EQ(std::accumulate(kTerabyte40M.begin(), kTerabyte40M.end(), int64_t{0}), 187'767'399);
  EXPECT_EQ(DlrmLayout(kPublished[0].spec, kPublished[0].inputs).embedding_floats(), 540'201'232);
}

// Where tables are cut between sharded and replicated ones.
TEST(PublishedConfigurationTest, TablesAboveAndBelowABoundary) {
  const auto at_least = [](int64_t rows) {
    return std::count_if(kTerabyte40M.begin(), kTerabyte40M.end(), [&](int64_t n) { return n >= rows; });
  };
  EXPECT_EQ(at_least(403346), 8);
  EXPECT_EQ(at_least(2048), 16);
}

TEST(MixedDimensionsTest, KaggleWithTemperatureThreeTenths) {
  EXPECT_EQ(MixedDimensions(kKaggle, 16, .3, 0, false),
            (std::vector<int64_t>{3, 3, 1, 1,  4, 9, 1,  3, 16, 1,  2, 1, 2,
                                  8, 1, 1, 11, 2, 2, 15, 1, 9,  10, 1, 6, 1}));
  EXPECT_EQ(
      MixedDimensions(kKaggle, 16, .3, 0, true),
      (std::vector<int64_t>{4, 4, 1, 1, 4, 8, 1, 4, 16, 1, 2, 1, 2, 8, 1, 1, 8, 2, 2, 16, 1, 8, 8, 1, 8, 1}));
}

TEST(MixedDimensionsTest, ParametersOfTheKaggleTables) {
  ModelSpec spec = kPublished[0].spec;
  const auto floats = [&](int64_t threshold, bool power_of_two) {
    spec.embedding = {
        .mixed_temperature = .3, .mixed_power_of_two = power_of_two, .compression_threshold = threshold};
    return DlrmLayout(spec, kPublished[0].inputs).embedding_floats();
  };
  EXPECT_EQ(floats(0, false), 33'786'932);
  EXPECT_EQ(floats(200, false), 33'788'636);
  EXPECT_EQ(floats(0, true), 33'789'720);
}

TEST(MixedDimensionsTest, ProjectionsComeOnTop) {
  ModelSpec spec = kPublished[0].spec;
  spec.embedding = {.mixed_temperature = .3, .compression_threshold = 0};
  const DlrmLayout layout(spec, kPublished[0].inputs);
  EXPECT_EQ(NetworkParameters(layout) - 475'985 + layout.embedding_floats(), 33'788'516);
  EXPECT_EQ(layout.feature_width(), 27 * 16);
}

TEST(MixedDimensionsTest, ZeroTemperatureKeepsTheBase) {
  EXPECT_EQ(MixedDimensions(kKaggle, 16, 0, 0, false), std::vector<int64_t>(26, 16));
  EXPECT_TRUE(MixedDimensions({}, 16, .3, 0, false).empty());
}

TEST(QuotientRemainderTest, RowsOfTheKaggleTables) {
  ModelSpec spec = kPublished[0].spec;
  spec.embedding = {.quotient_collisions = 4, .compression_threshold = 200};
  EXPECT_EQ(DlrmLayout(spec, kPublished[0].inputs).embedding_rows(), 8'440'878);
}

TEST(HashingTest, CutsOnlyLargerTables) {
  ModelSpec spec = kPublished[0].spec;
  spec.embedding = {.hash_rows = 100'000};
  const DlrmLayout layout(spec, kPublished[0].inputs);
  EXPECT_EQ(layout.tables()[2].rows, 100'000);
  EXPECT_EQ(layout.tables()[9].rows, 93'145);
}

}  // namespace
}  // namespace sda::trainer
