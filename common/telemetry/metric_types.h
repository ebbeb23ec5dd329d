#ifndef SDA_COMMON_TELEMETRY_METRIC_TYPES_H_
#define SDA_COMMON_TELEMETRY_METRIC_TYPES_H_

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

namespace sda {

// What a metric is; metrics.h declares every one. The number of labels is part of the type, so that the
// compiler counts the values given.

template <size_t N>
struct Counter {
  std::string_view name;  // ends with "_total"
  std::string_view help;
  std::array<std::string_view, N> labels = {};
};

template <size_t N>
struct Gauge {
  std::string_view name;
  std::string_view help;
  std::array<std::string_view, N> labels = {};
};

template <size_t N>
struct Histogram {
  std::string_view name;  // ends with its unit, e.g. "_seconds"
  std::string_view help;
  std::array<std::string_view, N> labels = {};
  std::span<const double> buckets;  // upper edges, inclusive, ascending; "+Inf" is implied
};

// The same without the types, for lists.
struct MetricDescription {
  std::string_view type;  // "counter", "gauge" or "histogram"
  std::string_view name;
  std::string_view help;
  std::span<const std::string_view> labels;
  std::span<const double> buckets;
};

template <size_t N>
constexpr MetricDescription Describe(const Counter<N>& m) {
  return {"counter", m.name, m.help, m.labels, {}};
}
template <size_t N>
constexpr MetricDescription Describe(const Gauge<N>& m) {
  return {"gauge", m.name, m.help, m.labels, {}};
}
template <size_t N>
constexpr MetricDescription Describe(const Histogram<N>& m) {
  return {"histogram", m.name, m.help, m.labels, m.buckets};
}

}  // namespace sda

#endif  // SDA_COMMON_TELEMETRY_METRIC_TYPES_H_
