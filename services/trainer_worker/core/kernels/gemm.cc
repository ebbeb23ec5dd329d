#include "services/trainer_worker/core/kernels/gemm.h"

#include <array>
#include <cstddef>
#include <optional>
#include <unordered_map>

#include <absl/container/flat_hash_map.h>
#include <oneapi/dnnl/dnnl.hpp>

#include "services/trainer_worker/core/kernels/amx_gemm.h"
#include "services/trainer_worker/core/kernels/bf16_gemm.h"
#include "services/trainer_worker/core/kernels/float_buffer.h"
#include "services/trainer_worker/core/kernels/isa.h"
#include "services/trainer_worker/core/kernels/reference_gemm.h"
#include "services/trainer_worker/core/kernels/simd_gemm.h"

// OpenMP's own header belongs to the compiler that ships the runtime; the declaration is fixed by the
// standard.
extern "C" void omp_set_num_threads(int);

namespace sda::trainer {
namespace {

// Everything that a compiled primitive depends on.
using Shape = std::array<int64_t, 10>;

Shape ShapeOf(const Product& p) {
  return {p.m,
          p.n,
          p.k,
          p.a_stride,
          p.b_stride,
          p.c_stride,
          p.a_transposed,
          p.b_transposed,
          p.bias != nullptr,
          static_cast<int64_t>(p.activation)};
}

// A primitive with its arguments bound to memory objects whose handles are set before each execution.
struct Compiled {
  dnnl::matmul primitive;
  dnnl::memory a, b, bias, c, scratchpad;
  std::unordered_map<int, dnnl::memory> arguments;
  size_t scratchpad_bytes = 0;
};

using DataType = dnnl::memory::data_type;

dnnl::memory::desc Describe(int64_t rows, int64_t cols, int64_t stride, bool transposed,
                            DataType type = DataType::f32) {
  const dnnl::memory::dims strides =
      transposed ? dnnl::memory::dims{1, stride} : dnnl::memory::dims{stride, 1};
  return {{rows, cols}, type, strides};
}

// `type` is that of a and b.
Compiled Compile(const Product& p, DataType type, const dnnl::engine& engine) {
  const auto a = Describe(p.m, p.k, p.a_stride, p.a_transposed, type);
  const auto b = Describe(p.k, p.n, p.b_stride, p.b_transposed, type);
  const auto c = Describe(p.m, p.n, p.c_stride, false);
  const auto bias = Describe(1, p.n, p.n, false);

  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (p.activation == Activation::kRelu) {
    dnnl::post_ops post_ops;
    post_ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
    attributes.set_post_ops(post_ops);
  }
  const auto desc = p.bias != nullptr ? dnnl::matmul::desc(a, b, bias, c) : dnnl::matmul::desc(a, b, c);
  const dnnl::matmul::primitive_desc primitive_desc(desc, attributes, engine);

  Compiled compiled;
  compiled.primitive = dnnl::matmul(primitive_desc);
  compiled.a = dnnl::memory(a, engine, nullptr);
  compiled.b = dnnl::memory(b, engine, nullptr);
  compiled.c = dnnl::memory(c, engine, nullptr);
  compiled.scratchpad = dnnl::memory(primitive_desc.scratchpad_desc(), engine, nullptr);
  compiled.scratchpad_bytes = primitive_desc.scratchpad_desc().get_size();
  compiled.arguments = {{DNNL_ARG_SRC, compiled.a},
                        {DNNL_ARG_WEIGHTS, compiled.b},
                        {DNNL_ARG_DST, compiled.c},
                        {DNNL_ARG_SCRATCHPAD, compiled.scratchpad}};
  if (p.bias != nullptr) {
    compiled.bias = dnnl::memory(bias, engine, nullptr);
    compiled.arguments.emplace(DNNL_ARG_BIAS, compiled.bias);
  }
  return compiled;
}

// oneDNN takes a limit once, before its first primitive; a later one has no effect.
void LimitOneDnn() {
  static const bool limited = [] {
    if (UsableIsa() == Isa::kPlain)
      return dnnl::set_max_cpu_isa(dnnl::cpu_isa::sse41) == dnnl::status::success;
    if (UsableIsa() == Isa::kAvx2) return dnnl::set_max_cpu_isa(dnnl::cpu_isa::avx2) == dnnl::status::success;
    return false;
  }();
  (void)limited;
}

void* Handle(const float* data) {
  return const_cast<float*>(data);
}

// An operand in memory as it lies: rows of so many floats.
struct Stored {
  int64_t rows, cols;
};
Stored StoredA(const Product& p) {
  return p.a_transposed ? Stored{p.k, p.m} : Stored{p.m, p.k};
}
Stored StoredB(const Product& p) {
  return p.b_transposed ? Stored{p.n, p.k} : Stored{p.k, p.n};
}

// Words of an operand in bfloat16, a multiple of a cache line.
int64_t Bf16Words(Stored operand) {
  return (operand.rows * ((operand.cols + 1) / 2) + 15) / 16 * 16;
}

// The product with a and b in bfloat16, converted into `memory`.
Product InBf16(const Product& p, FloatBuffer& memory) {
  const Stored a = StoredA(p), b = StoredB(p);
  const int64_t a_words = Bf16Words(a), words = a_words + Bf16Words(b);
  if (static_cast<int64_t>(memory.size()) < words) memory = FloatBuffer(words);
  Bf16Convert(a.rows, a.cols, p.a, p.a_stride, reinterpret_cast<uint32_t*>(memory.data()));
  Bf16Convert(b.rows, b.cols, p.b, p.b_stride, reinterpret_cast<uint32_t*>(memory.data() + a_words));
  Product converted = p;
  converted.a = memory.data();
  converted.a_stride = (a.cols + 1) / 2 * 2;
  converted.b = memory.data() + a_words;
  converted.b_stride = (b.cols + 1) / 2 * 2;
  return converted;
}

}  // namespace

struct Gemm::State {
  GemmVariant variant = GemmVariant::kOneDnn;
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  // Nothing where oneDNN has no implementation.
  absl::flat_hash_map<Shape, std::optional<Compiled>> primitives;
  FloatBuffer operands;    // of kOneDnnBf16, in bfloat16
  FloatBuffer scratchpad;  // as large as the largest shape so far asks for
  int64_t fallback_shapes = 0;

  GemmVariant VariantOf(int64_t k, int64_t n) const;
  // a and b are of that type. False where oneDNN has no implementation.
  bool Execute(const Product& p, DataType type);
};

std::string_view Name(GemmVariant variant) {
  switch (variant) {
    case GemmVariant::kBest:
      return "best";
    case GemmVariant::kOneDnn:
      return "onednn";
    case GemmVariant::kSimd:
      return "simd";
    case GemmVariant::kBf16:
      return "bf16";
    case GemmVariant::kAmx:
      return "amx";
    case GemmVariant::kOneDnnBf16:
      return "onednn_bf16";
  }
  return "";
}

std::string_view Name(Precision precision) {
  return precision == Precision::kBf16 ? "bf16" : "fp32";
}

Precision UsablePrecision(Precision wanted) {
  const bool gains = HasAmxGemm() || VectorsGainFromBf16();
  return wanted == Precision::kBf16 && gains ? Precision::kBf16 : Precision::kFp32;
}

std::vector<GemmVariant> GemmVariants(Precision precision) {
  std::vector<GemmVariant> variants{GemmVariant::kOneDnn};
  if (HasSimdGemm()) variants.push_back(GemmVariant::kSimd);
  if (UsablePrecision(precision) == Precision::kFp32) return variants;
  variants.push_back(GemmVariant::kBf16);
  if (HasAmxGemm()) variants.push_back(GemmVariant::kAmx);
  variants.push_back(GemmVariant::kOneDnnBf16);
  return variants;
}

Gemm::Gemm(GemmVariant variant) : state_(std::make_unique<State>()) {
  if (variant == GemmVariant::kBest) variant = HasSimdGemm() ? GemmVariant::kSimd : GemmVariant::kOneDnn;
  state_->variant = variant;
  LimitOneDnn();
}

Gemm::Gemm(Precision precision)
    : Gemm(UsablePrecision(precision) == Precision::kFp32 ? GemmVariant::kBest
           : HasAmxGemm()                                 ? GemmVariant::kAmx
                                                          : GemmVariant::kBf16) {}
Gemm::~Gemm() = default;
Gemm::Gemm(Gemm&&) noexcept = default;
Gemm& Gemm::operator=(Gemm&&) noexcept = default;

int64_t Gemm::fallback_shapes() const {
  return state_->fallback_shapes;
}

// The variant that computes a product of these sizes.
GemmVariant Gemm::State::VariantOf(int64_t k, int64_t n) const {
  const bool fp32 = variant == GemmVariant::kOneDnn || variant == GemmVariant::kSimd;
  return !fp32 && (k <= kFewTerms || n == 1) ? GemmVariant::kSimd : variant;
}

int64_t Gemm::PackedFloats(int64_t k, int64_t n) const {
  const GemmVariant variant = state_->VariantOf(k, n);
  if (variant == GemmVariant::kSimd && HasSimdGemm()) return SimdPackedFloats(k, n);
  if (variant == GemmVariant::kBf16 && HasBf16Gemm()) return Bf16PackedFloats(k, n);
  if (variant == GemmVariant::kAmx && HasAmxGemm()) return AmxPackedFloats(k, n);
  return 0;
}

void Gemm::Pack(const Product& p, int64_t part, int64_t parts, float* packed) {
  if (PackedFloats(p.k, p.n) == 0) return;
  const GemmVariant variant = state_->VariantOf(p.k, p.n);
  if (variant == GemmVariant::kSimd) return SimdPack(p, part, parts, packed);
  if (variant == GemmVariant::kBf16) return Bf16Pack(p, part, parts, packed);
  AmxPack(p, part, parts, packed);
}

void Gemm::Multiply(const Product& p) {
  if (p.m == 0 || p.n == 0) return;
  if (p.k == 0) return ReferenceMultiply(p);
  switch (state_->VariantOf(p.k, p.n)) {
    case GemmVariant::kSimd:
      return HasSimdGemm() ? SimdMultiply(p, state_->scratchpad) : ReferenceMultiply(p);
    case GemmVariant::kBf16:
      return HasBf16Gemm() ? Bf16Multiply(p, state_->scratchpad) : ReferenceMultiply(p);
    case GemmVariant::kAmx:
      return HasAmxGemm() ? AmxMultiply(p, state_->scratchpad) : ReferenceMultiply(p);
    case GemmVariant::kOneDnnBf16:
      if (!HasBf16Gemm()) return ReferenceMultiply(p);
      // In fp32 where oneDNN has no such product.
      if (!state_->Execute(InBf16(p, state_->operands), DataType::bf16)) ReferenceMultiply(p);
      return;
    case GemmVariant::kBest:
    case GemmVariant::kOneDnn:
      if (!state_->Execute(p, DataType::f32)) ReferenceMultiply(p);
      return;
  }
}

bool Gemm::State::Execute(const Product& p, DataType type) {
  static thread_local const bool single_threaded = (omp_set_num_threads(1), true);
  (void)single_threaded;

  auto [entry, inserted] = primitives.try_emplace(ShapeOf(p));
  if (inserted) {
    try {
      entry->second = Compile(p, type, engine);
    } catch (const dnnl::error&) {
      ++fallback_shapes;
    }
  }
  if (!entry->second) return false;

  Compiled& compiled = *entry->second;
  if (scratchpad.bytes() < compiled.scratchpad_bytes)
    scratchpad = FloatBuffer((compiled.scratchpad_bytes + sizeof(float) - 1) / sizeof(float));
  compiled.a.set_data_handle(Handle(p.a));
  compiled.b.set_data_handle(Handle(p.b));
  compiled.c.set_data_handle(p.c);
  if (p.bias != nullptr) compiled.bias.set_data_handle(Handle(p.bias));
  compiled.scratchpad.set_data_handle(scratchpad.data());
  compiled.primitive.execute(stream, compiled.arguments);
  stream.wait();
  return true;
}

}  // namespace sda::trainer
