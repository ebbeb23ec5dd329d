#include "services/preprocessing/core/operations/fitter.h"

namespace sda::preprocessing {
namespace {

struct Maker {
  uint64_t seed;
  pipeline::ColumnType output;

  std::unique_ptr<Fitter> operator()(const pipeline::FillMissing& o) const {
    using Strategy = pipeline::FillMissing::Strategy;
    if (o.strategy == Strategy::kMean) return NewMomentsFitter(/*mean_only=*/true);
    if (o.strategy == Strategy::kMedian) return NewQuantilesFitter(2, /*median=*/true);
    return NewMostFrequentFitter(output);
  }
  std::unique_ptr<Fitter> operator()(const pipeline::Standardise&) const { return NewMomentsFitter(false); }
  std::unique_ptr<Fitter> operator()(const pipeline::QuantileBucket& o) const {
    return NewQuantilesFitter(o.buckets, /*median=*/false);
  }
  std::unique_ptr<Fitter> operator()(const pipeline::Categorify& o) const { return NewVocabularyFitter(o); }
  std::unique_ptr<Fitter> operator()(const pipeline::GroupCategorify& o) const {
    return NewVocabularyFitter(o);
  }
  std::unique_ptr<Fitter> operator()(const pipeline::CountEncode&) const { return NewCountFitter(); }
  std::unique_ptr<Fitter> operator()(const pipeline::FrequencyEncode&) const { return NewCountFitter(); }
  std::unique_ptr<Fitter> operator()(const pipeline::TargetEncode& o) const {
    return NewTargetFitter(o, seed);
  }
  std::unique_ptr<Fitter> operator()(const pipeline::MultiHot& o) const { return NewMultiHotFitter(o); }
  template <class Other>
  std::unique_ptr<Fitter> operator()(const Other&) const {
    return nullptr;
  }
};

}  // namespace

std::unique_ptr<Fitter> MakeFitter(const pipeline::Node& node, pipeline::ColumnType output, uint64_t seed) {
  return std::visit(Maker{seed, output}, node.operation);
}

}  // namespace sda::preprocessing
