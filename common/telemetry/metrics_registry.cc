#include "common/telemetry/metrics_registry.h"

#include <cstdlib>
#include <exception>
#include <map>
#include <utility>

#include <absl/strings/str_cat.h>
#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "common/telemetry/log.h"
#include "common/telemetry/metrics.h"

namespace sda {
namespace {

prometheus::Labels MakeLabels(std::span<const std::string_view> keys,
                              std::span<const std::string_view> values) {
  prometheus::Labels labels;
  for (size_t i = 0; i < keys.size(); ++i) labels.emplace(keys[i], values[i]);
  return labels;
}

template <class T>
using Families = std::map<std::string_view, prometheus::Family<T>*>;

template <class T>
prometheus::Family<T>& Find(const Families<T>& families, std::string_view name) {
  auto found = families.find(name);
  if (found == families.end()) {
    log::Error("metric is not in metrics::kAll", {{"metric", name}});
    std::abort();
  }
  return *found->second;
}

}  // namespace

// The families are made once, by the constructor; prometheus-cpp guards what is in them.
struct MetricsRegistry::State {
  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();
  Families<prometheus::Counter> counters;
  Families<prometheus::Gauge> gauges;
  Families<prometheus::Histogram> histograms;
  std::unique_ptr<prometheus::Exposer> exposer;
  std::string exposed_address;
};

MetricsRegistry::MetricsRegistry() : state_(std::make_unique<State>()) {
  prometheus::Registry& registry = *state_->registry;
  for (const MetricDescription& metric : metrics::kAll) {
    const std::string name(metric.name);
    const std::string help(metric.help);
    if (metric.type == "counter") {
      state_->counters[metric.name] = &prometheus::BuildCounter().Name(name).Help(help).Register(registry);
    } else if (metric.type == "gauge") {
      state_->gauges[metric.name] = &prometheus::BuildGauge().Name(name).Help(help).Register(registry);
    } else {
      state_->histograms[metric.name] =
          &prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
    }
  }
}

MetricsRegistry::~MetricsRegistry() = default;

void MetricsRegistry::AddToCounter(std::string_view name, Names keys, Names values, double by) {
  Find(state_->counters, name).Add(MakeLabels(keys, values)).Increment(by);
}

void MetricsRegistry::SetGauge(std::string_view name, Names keys, Names values, double value) {
  Find(state_->gauges, name).Add(MakeLabels(keys, values)).Set(value);
}

void MetricsRegistry::AddToGauge(std::string_view name, Names keys, Names values, double by) {
  Find(state_->gauges, name).Add(MakeLabels(keys, values)).Increment(by);
}

void MetricsRegistry::ObserveHistogram(std::string_view name, Names keys, Names values,
                                       std::span<const double> buckets, double value) {
  Find(state_->histograms, name)
      .Add(MakeLabels(keys, values), prometheus::Histogram::BucketBoundaries(buckets.begin(), buckets.end()))
      .Observe(value);
}

std::string MetricsRegistry::Text() const {
  return prometheus::TextSerializer().Serialize(state_->registry->Collect());
}

absl::Status MetricsRegistry::Expose(const std::string& address) {
  try {
    state_->exposer = std::make_unique<prometheus::Exposer>(address, 1);
    state_->exposer->RegisterCollectable(state_->registry);
  } catch (const std::exception& e) {
    return absl::UnavailableError(
        absl::StrCat("cannot serve metrics on ", address, " (", e.what(),
                     "): the port may be in use; choose another with --metrics-listen"));
  }
  const std::string host = address.substr(0, address.rfind(':'));
  state_->exposed_address = absl::StrCat(host, ":", state_->exposer->GetListeningPorts().at(0));
  return absl::OkStatus();
}

std::string MetricsRegistry::exposed_address() const {
  return state_->exposed_address;
}

}  // namespace sda
