#include "services/trainer_worker/core/model/reference_dlrm.h"

#include <algorithm>
#include <cmath>

namespace sda::trainer {
namespace {

std::vector<double> Apply(const LinearLayer& layer, const std::vector<double>& parameters,
                          const std::vector<double>& x) {
  std::vector<double> y(layer.out);
  for (int64_t i = 0; i < layer.out; ++i) {
    double sum = parameters[layer.bias + i];
    for (int64_t j = 0; j < layer.in; ++j) sum += parameters[layer.weights + i * layer.in + j] * x[j];
    y[i] = layer.activation == Activation::kRelu ? std::max(sum, 0.0) : sum;
  }
  return y;
}

std::vector<double> Times(const double* w, int64_t out, const std::vector<double>& x) {
  std::vector<double> y(out);
  for (int64_t i = 0; i < out; ++i) {
    for (size_t j = 0; j < x.size(); ++j) y[i] += w[i * static_cast<int64_t>(x.size()) + j] * x[j];
  }
  return y;
}

std::vector<double> Cross(const CrossLayer& layer, const std::vector<double>& parameters,
                          const std::vector<double>& x0, const std::vector<double>& x) {
  const double* p = parameters.data();
  std::vector<double> y =
      Times(p + layer.outer, layer.width, layer.rank > 0 ? Times(p + layer.inner, layer.rank, x) : x);
  for (int64_t i = 0; i < layer.width; ++i) y[i] = x0[i] * (y[i] + p[layer.bias + i]) + x[i];
  return y;
}

}  // namespace

std::vector<double> ReferenceDlrm::Bag(const Table& table, const Batch& batch, int64_t sample) const {
  const TableIds& ids = batch.tables[table.column];
  const int64_t begin = ids.one_hot() ? sample : ids.offsets[sample];
  const int64_t end = ids.one_hot() ? sample + 1 : ids.offsets[sample + 1];
  std::vector<double> bag(table.width, 0.0);
  const bool mean = layout.spec().embedding.pooling == Pooling::kMean;
  for (int64_t p = begin; p < end; ++p) {
    int64_t row = ids.ids[p];
    if (table.map == IdMap::kModulo) row %= table.divisor;
    if (table.map == IdMap::kQuotient) row /= table.divisor;
    for (int64_t i = 0; i < table.width; ++i) {
      bag[i] +=
          embeddings[table.begin + row * table.width + i] / (mean ? static_cast<double>(end - begin) : 1);
    }
  }
  return bag;
}

std::vector<double> ReferenceDlrm::Vector(const Feature& feature, const Batch& batch, int64_t sample) const {
  const Table& first = layout.tables()[feature.table];
  std::vector<double> v = Bag(first, batch, sample);
  if (feature.kind == Feature::Kind::kProjected)
    return Times(dense.data() + feature.projection, feature.width, v);
  if (first.map != IdMap::kQuotient) return v;
  const std::vector<double> second = Bag(layout.tables()[feature.table + 1], batch, sample);
  if (feature.kind == Feature::Kind::kStored) v.insert(v.end(), second.begin(), second.end());
  for (size_t i = 0; i < second.size(); ++i) {
    if (feature.kind == Feature::Kind::kSum) v[i] += second[i];
    if (feature.kind == Feature::Kind::kProduct) v[i] *= second[i];
  }
  return v;
}

double ReferenceDlrm::Logit(const Batch& batch, int64_t sample) const {
  const int64_t dim = layout.dim();
  const ModelSpec& spec = layout.spec();
  std::vector<double> columns;
  for (int64_t i = 0; i < layout.inputs().dense_columns; ++i) {
    columns.push_back(batch.dense[sample * layout.inputs().dense_columns + i]);
  }
  std::vector<double> x = columns;
  for (const LinearLayer& layer : layout.bottom()) x = Apply(layer, dense, x);

  std::vector<std::vector<double>> features = {x};
  for (const Feature& feature : layout.plan().features) features.push_back(Vector(feature, batch, sample));

  std::vector<double> r;
  if (spec.interaction == Interaction::kCat) {
    for (const auto& feature : features) r.insert(r.end(), feature.begin(), feature.end());
  } else {
    r = x;
    for (size_t i = 0; i < features.size(); ++i) {
      for (size_t j = 0; j < i + (spec.interaction == Interaction::kDotSelf ? 1 : 0); ++j) {
        double dot = 0;
        for (int64_t l = 0; l < dim; ++l) dot += features[i][l] * features[j][l];
        r.push_back(dot);
      }
    }
  }
  const std::vector<double> x0 = r;
  for (const CrossLayer& layer : layout.cross()) r = Cross(layer, dense, x0, r);

  double added = 0;
  if (spec.factorization) {
    for (size_t i = spec.dense_input == DenseInput::kBottom ? 0 : 1; i < features.size(); ++i) {
      for (size_t j = i + 1; j < features.size(); ++j) {
        for (int64_t l = 0; l < dim; ++l) added += features[i][l] * features[j][l];
      }
    }
  }
  if (spec.wide) {
    added += dense[layout.wide().bias];
    for (size_t i = 0; i < columns.size(); ++i) added += dense[layout.wide().weights + i] * columns[i];
    for (size_t t = layout.plan().wide_begin; t < layout.tables().size(); ++t)
      added += Bag(layout.tables()[t], batch, sample)[0];
  }
  for (size_t l = 0; l < layout.top().size(); ++l) {
    r = Apply(layout.top()[l], dense, r);
    if (l >= kept.size()) continue;
    for (size_t i = 0; i < r.size(); ++i) r[i] *= kept[l][sample * r.size() + i];
  }
  return r[0] + added;
}

double ReferenceDlrm::Loss(const Batch& batch) const {
  double loss = 0;
  for (int64_t sample = 0; sample < batch.rows; ++sample) {
    const double p = 1 / (1 + std::exp(-Logit(batch, sample)));
    const double label = batch.labels[sample];
    loss += layout.spec().loss == trainer::Loss::kMeanSquaredError
                ? (p - label) * (p - label)
                : -label * std::log(p) - (1 - label) * std::log1p(-p);
  }
  return loss;
}

}  // namespace sda::trainer
