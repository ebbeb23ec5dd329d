#include "services/trainer_worker/core/model/packed_weights.h"

#include <algorithm>

namespace sda::trainer {
namespace {

// Weights of a unit: small enough that sixteen threads share a large layer, large enough that taking a unit
// costs nothing beside it.
constexpr int64_t kUnitFloats = 32 << 10;
constexpr int64_t kPanelColumns = 32;

// Packed parts begin on cache lines.
int64_t RoundUp(int64_t floats) {
  return (floats + 15) / 16 * 16;
}

// The gradient by the model's inputs is not computed: the first layer has no product backward.
bool HasBackward(const DlrmLayout& layout, const LinearLayer& of) {
  return layout.bottom().empty() || &of != &layout.bottom().front();
}

int64_t ForwardFloats(const Gemm& gemm, const LinearLayer& layer) {
  return layer.in == 0 ? 0 : RoundUp(gemm.PackedFloats(layer.in, layer.out));
}

int64_t BackwardFloats(const Gemm& gemm, const LinearLayer& layer) {
  return layer.in == 0 ? 0 : RoundUp(gemm.PackedFloats(layer.out, layer.in));
}

int64_t Floats(const DlrmLayout& layout, const Gemm& gemm) {
  int64_t floats = 0;
  for (const auto* network : {&layout.bottom(), &layout.top()}) {
    for (const LinearLayer& layer : *network) {
      floats += ForwardFloats(gemm, layer);
      if (HasBackward(layout, layer)) floats += BackwardFloats(gemm, layer);
    }
  }
  return floats;
}

}  // namespace

PackedWeights::PackedWeights(const DlrmLayout& layout, const Gemm& gemm) : memory_(Floats(layout, gemm)) {
  float* next = memory_.data();
  const auto add = [&](const LinearLayer& layer, bool forward, int64_t floats) -> float* {
    if (floats == 0) return nullptr;
    float* const packed = next;
    next += floats;
    AddUnits(layer, forward, packed);
    return packed;
  };
  const auto add_network = [&](const std::vector<LinearLayer>& network, std::vector<PackedLayer>& packed) {
    for (const LinearLayer& layer : network) {
      PackedLayer& entry = packed.emplace_back();
      entry.forward = add(layer, true, ForwardFloats(gemm, layer));
      if (HasBackward(layout, layer)) entry.backward = add(layer, false, BackwardFloats(gemm, layer));
    }
  };
  add_network(layout.bottom(), bottom_);
  add_network(layout.top(), top_);
}

int64_t PackedWeights::Bytes(const DlrmLayout& layout, const Gemm& gemm) {
  return Floats(layout, gemm) * static_cast<int64_t>(sizeof(float));
}

void PackedWeights::AddUnits(const LinearLayer& layer, bool forward, float* packed) {
  const int64_t columns = forward ? layer.out : layer.in;
  const int64_t panels = (columns + kPanelColumns - 1) / kPanelColumns;
  const int64_t parts = std::clamp<int64_t>(layer.in * layer.out / kUnitFloats, 1, panels);
  for (int64_t part = 0; part < parts; ++part)
    units_.push_back({.layer = &layer, .packed = packed, .forward = forward, .part = part, .parts = parts});
}

void PackedWeights::Pack(Gemm& gemm, const float* parameters, int64_t unit) {
  const Unit& of = units_[unit];
  const Product product =
      of.forward ? ForwardProduct(*of.layer, parameters, 0) : BackwardProduct(*of.layer, parameters, 0);
  gemm.Pack(product, of.part, of.parts, of.packed);
}

}  // namespace sda::trainer
