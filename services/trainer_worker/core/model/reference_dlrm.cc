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

}  // namespace

double ReferenceDlrm::Logit(const Batch& batch, int64_t sample) const {
  const int64_t dim = layout.dim();
  std::vector<double> x;
  for (int64_t i = 0; i < layout.inputs().dense_columns; ++i) {
    x.push_back(batch.dense[sample * layout.inputs().dense_columns + i]);
  }
  for (const LinearLayer& layer : layout.bottom()) x = Apply(layer, dense, x);

  std::vector<std::vector<double>> features = {x};
  for (int64_t t = 0; t < layout.inputs().tables(); ++t) {
    const TableIds& ids = batch.tables[t];
    const int64_t begin = ids.one_hot() ? sample : ids.offsets[sample];
    const int64_t end = ids.one_hot() ? sample + 1 : ids.offsets[sample + 1];
    std::vector<double> bag(dim, 0.0);
    for (int64_t p = begin; p < end; ++p) {
      for (int64_t i = 0; i < dim; ++i) bag[i] += embeddings[(layout.table_begin(t) + ids.ids[p]) * dim + i];
    }
    features.push_back(bag);
  }

  std::vector<double> r;
  if (layout.spec().interaction == Interaction::kCat) {
    for (const auto& feature : features) r.insert(r.end(), feature.begin(), feature.end());
  } else {
    r = x;
    for (size_t i = 0; i < features.size(); ++i) {
      for (size_t j = 0; j < i + (layout.spec().interaction == Interaction::kDotSelf ? 1 : 0); ++j) {
        double dot = 0;
        for (int64_t l = 0; l < dim; ++l) dot += features[i][l] * features[j][l];
        r.push_back(dot);
      }
    }
  }
  for (size_t l = 0; l < layout.top().size(); ++l) {
    r = Apply(layout.top()[l], dense, r);
    if (l >= kept.size()) continue;
    for (size_t i = 0; i < r.size(); ++i) r[i] *= kept[l][sample * r.size() + i];
  }
  return r[0];
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
