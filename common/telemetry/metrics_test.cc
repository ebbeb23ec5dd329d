#include "common/telemetry/metrics.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/strings.h"
#include "common/telemetry/metrics_registry.h"

namespace sda {
namespace {

using ::testing::HasSubstr;

// One line a metric: type, name{labels}, buckets.
std::string ListMetrics() {
  std::set<std::string> lines;
  for (const MetricDescription& metric : metrics::kAll) {
    std::vector<std::string> labels(metric.labels.begin(), metric.labels.end());
    std::string line =
        absl::StrCat(ToAbsl(metric.type), " ", ToAbsl(metric.name), "{", absl::StrJoin(labels, ","), "}");
    if (!metric.buckets.empty()) absl::StrAppend(&line, " [", absl::StrJoin(metric.buckets, " "), "]");
    lines.insert(line);
  }
  return absl::StrJoin(lines, "\n") + "\n";
}

// Dashboards and alerts name metrics. To accept a change, run this test with SDA_UPDATE_GOLDENS=1 and commit
// the file.
TEST(MetricsTest, ListIsTheGoldenOne) {
  const std::string path = SDA_METRICS_GOLDEN;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets variables
  if (std::getenv("SDA_UPDATE_GOLDENS") != nullptr) std::ofstream(path) << ListMetrics();
  std::ifstream file(path);
  std::ostringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(ListMetrics(), golden.str()) << "renew " << path << " as the comment above this test says";
}

TEST(MetricsTest, NamesFollowTheRules) {
  std::set<std::string_view> names;
  for (const MetricDescription& metric : metrics::kAll) {
    EXPECT_TRUE(names.insert(metric.name).second) << metric.name << " is declared twice";
    EXPECT_TRUE(metric.name.starts_with("sda_")) << metric.name;
    EXPECT_EQ(metric.type == "counter", metric.name.ends_with("_total")) << metric.name;
    EXPECT_TRUE(metric.help.ends_with('.')) << metric.name;
    EXPECT_TRUE(std::is_sorted(metric.buckets.begin(), metric.buckets.end())) << metric.name;
    EXPECT_EQ(metric.type == "histogram", !metric.buckets.empty()) << metric.name;
  }
}

TEST(MetricsRegistryTest, ValuesAreShown) {
  MetricsRegistry registry;
  registry.Increment(metrics::kRpcHandled, {"optimizer", "GetTrial", "OK"});
  registry.Increment(metrics::kRpcHandled, {"optimizer", "GetTrial", "OK"}, 2);
  registry.Set(metrics::kReady, {"sda.x"}, 1);
  registry.Add(metrics::kRpcInFlight, {"optimizer", "GetTrial"}, 3);
  registry.Add(metrics::kRpcInFlight, {"optimizer", "GetTrial"}, -1);
  registry.Observe(metrics::kRpcSeconds, {"optimizer", "GetTrial"}, 0.001);  // on an edge: belongs below it
  const std::string text = registry.Text();
  EXPECT_THAT(text,
              HasSubstr("sda_rpc_handled_total{code=\"OK\",method=\"GetTrial\",service=\"optimizer\"} 3"));
  EXPECT_THAT(text, HasSubstr("sda_ready{service=\"sda.x\"} 1"));
  EXPECT_THAT(text, HasSubstr("sda_rpc_in_flight{method=\"GetTrial\",service=\"optimizer\"} 2"));
  EXPECT_THAT(text, HasSubstr("le=\"0.0005\"} 0"));
  EXPECT_THAT(text, HasSubstr("le=\"0.001\"} 1"));
}

TEST(MetricsRegistryTest, RegistriesAreSeparate) {
  MetricsRegistry one, two;
  one.Set(metrics::kReady, {"sda.x"}, 1);
  EXPECT_THAT(two.Text(), ::testing::Not(HasSubstr("sda_ready{")));
}

TEST(MetricsRegistryTest, UndeclaredMetricEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  constexpr Counter<0> kUndeclared{"sda_undeclared_total", "No."};
  MetricsRegistry registry;
  EXPECT_DEATH(registry.Increment(kUndeclared), "not in metrics::kAll");
}

}  // namespace
}  // namespace sda
