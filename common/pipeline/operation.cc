#include "common/pipeline/operation.h"

namespace sda::pipeline {
namespace {

using Made = std::unique_ptr<AppliedOperation>;

struct Maker {
  const NodeState& state;

  Made operator()(const Cast&) const { return MakeIdentity(); }
  Made operator()(const FillMissing& o) const { return MakeFillMissing(o, state); }
  Made operator()(const Clip& o) const { return MakeClip(o); }
  Made operator()(const Log&) const { return MakeLog(); }
  Made operator()(const Standardise&) const { return MakeStandardise(state); }
  Made operator()(const QuantileBucket& o) const { return MakeQuantileBucket(o, state); }
  Made operator()(const Hash& o) const { return MakeHash(o.buckets, o.seed); }
  Made operator()(const HexToInteger& o) const { return MakeHexToInteger(o); }
  Made operator()(const Categorify& o) const { return MakeCategorify(o, state); }
  Made operator()(const GroupCategorify& o) const { return MakeCategorify(o, state); }
  Made operator()(const CountEncode&) const { return MakeCountEncode(state); }
  Made operator()(const FrequencyEncode&) const { return MakeFrequencyEncode(state); }
  Made operator()(const TargetEncode& o) const { return MakeTargetEncode(o, state); }
  Made operator()(const Difference&) const { return MakeDifference(); }
  Made operator()(const Ratio&) const { return MakeRatio(); }
  Made operator()(const DateParts& o) const { return MakeDateParts(o); }
  Made operator()(const SplitList& o) const { return MakeSplitList(o); }
  Made operator()(const TruncateList& o) const { return MakeTruncateList(o); }
  Made operator()(const HashList& o) const { return MakeHash(o.buckets, o.seed); }
  Made operator()(const MultiHot& o) const { return MakeMultiHot(o, state); }
  Made operator()(const Drop&) const { return nullptr; }
  Made operator()(const Select&) const { return nullptr; }
  Made operator()(const Filter&) const { return nullptr; }
  Made operator()(const SampleNegatives&) const { return nullptr; }
  Made operator()(const Distinct&) const { return nullptr; }
  Made operator()(const Sort&) const { return nullptr; }
  Made operator()(const SplitRows&) const { return nullptr; }
};

}  // namespace

std::unique_ptr<AppliedOperation> MakeOperation(const Node& node, const NodeState& state) {
  if (node.conversion != Conversion::kNone) return MakeConversion(node.conversion);
  return std::visit(Maker{state}, node.operation);
}

}  // namespace sda::pipeline
