#ifndef SDA_COMMON_TELEMETRY_METRICS_REGISTRY_H_
#define SDA_COMMON_TELEMETRY_METRICS_REGISTRY_H_

#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <absl/status/status.h>

#include "common/telemetry/metric_types.h"

namespace sda {

// The values of the metrics that metrics.h declares, as one server holds them. Thread-safe. A metric that
// metrics::kAll does not name is a programming error and ends the process.
class MetricsRegistry {
 public:
  MetricsRegistry();
  ~MetricsRegistry();
  MetricsRegistry(const MetricsRegistry&) = delete;
  MetricsRegistry& operator=(const MetricsRegistry&) = delete;

  template <size_t N>
  void Increment(const Counter<N>& metric, const std::array<std::string_view, N>& labels, double by = 1) {
    AddToCounter(metric.name, metric.labels, labels, by);
  }
  void Increment(const Counter<0>& metric, double by = 1) { AddToCounter(metric.name, {}, {}, by); }

  template <size_t N>
  void Set(const Gauge<N>& metric, const std::array<std::string_view, N>& labels, double value) {
    SetGauge(metric.name, metric.labels, labels, value);
  }
  void Set(const Gauge<0>& metric, double value) { SetGauge(metric.name, {}, {}, value); }

  template <size_t N>
  void Add(const Gauge<N>& metric, const std::array<std::string_view, N>& labels, double by) {
    AddToGauge(metric.name, metric.labels, labels, by);
  }
  void Add(const Gauge<0>& metric, double by) { AddToGauge(metric.name, {}, {}, by); }

  template <size_t N>
  void Observe(const Histogram<N>& metric, const std::array<std::string_view, N>& labels, double value) {
    ObserveHistogram(metric.name, metric.labels, labels, metric.buckets, value);
  }
  void Observe(const Histogram<0>& metric, double value) {
    ObserveHistogram(metric.name, {}, {}, metric.buckets, value);
  }

  // Everything in Prometheus' text format.
  std::string Text() const;

  // Serves Text() as http://`address`/metrics until destruction; port 0 picks a free one. UNAVAILABLE names
  // the address when it cannot be listened on. Call once.
  absl::Status Expose(const std::string& address);

  // "host:port" that Expose listens on, "" before it.
  std::string exposed_address() const;

 private:
  using Names = std::span<const std::string_view>;
  void AddToCounter(std::string_view name, Names keys, Names values, double by);
  void SetGauge(std::string_view name, Names keys, Names values, double value);
  void AddToGauge(std::string_view name, Names keys, Names values, double by);
  void ObserveHistogram(std::string_view name, Names keys, Names values, std::span<const double> buckets,
                        double value);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sda

#endif  // SDA_COMMON_TELEMETRY_METRICS_REGISTRY_H_
