#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_PACKED_WEIGHTS_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_PACKED_WEIGHTS_H_

#include <cstdint>
#include <vector>

#include "services/trainer_worker/core/kernels/float_buffer.h"
#include "services/trainer_worker/core/kernels/gemm.h"
#include "services/trainer_worker/core/kernels/linear.h"
#include "services/trainer_worker/core/model/dlrm.h"

namespace sda::trainer {

// The weight matrices of a model's networks as its products read them, packed once a step and read by all
// threads: of few samples a thread, packing would otherwise cost as much as the products.
class PackedWeights {
 public:
  // For products of `gemm`'s variant. `layout` must outlive this.
  PackedWeights(const DlrmLayout& layout, const Gemm& gemm);

  // Bytes that the constructor allocates.
  static int64_t Bytes(const DlrmLayout& layout, const Gemm& gemm);

  // Packing is cut into units that touch different memory; any thread may do any of them, by its own gemm.
  int64_t units() const { return static_cast<int64_t>(units_.size()); }
  void Pack(Gemm& gemm, const float* parameters, int64_t unit);

  // One a layer, in order.
  const std::vector<PackedLayer>& bottom() const { return bottom_; }
  const std::vector<PackedLayer>& top() const { return top_; }

 private:
  struct Unit {
    const LinearLayer* layer;
    float* packed;
    bool forward;
    int64_t part, parts;
  };
  void AddUnits(const LinearLayer& layer, bool forward, float* packed);

  FloatBuffer memory_;
  std::vector<PackedLayer> bottom_, top_;
  std::vector<Unit> units_;
};

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_PACKED_WEIGHTS_H_
