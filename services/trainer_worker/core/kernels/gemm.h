#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_GEMM_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_GEMM_H_

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace sda::trainer {

enum class Activation { kNone, kRelu };

// One fp32 matrix product, all operands row-major with a stride (elements from row to row):
//   c[i, j] = activation(Σ_l a(i, l) · b(l, j) + bias[j])
// where a(i, l) is a[i·a_stride + l], or a[l·a_stride + i] when a_transposed; b likewise.
// c must not overlap the inputs; it is overwritten. m, n and k may be 0 (k = 0 leaves activation(bias)).
// No alignment is required.
struct Product {
  int64_t m = 0, n = 0, k = 0;
  const float* a = nullptr;
  int64_t a_stride = 0;
  bool a_transposed = false;
  const float* b = nullptr;
  int64_t b_stride = 0;
  bool b_transposed = false;
  const float* bias = nullptr;  // [n], or null for none
  Activation activation = Activation::kNone;
  float* c = nullptr;
  int64_t c_stride = 0;
  // b as Gemm::Pack left it, or null. Only where a is not transposed; b must be there all the same.
  const float* packed_b = nullptr;
};

// In what the operands of products are rounded before they are multiplied; sums are fp32. Products of at most
// kFewTerms terms, and those by a single column, are in fp32 always: they are a model's dense inputs and its
// logit, where rounding costs most and bfloat16 gains nothing.
enum class Precision { kFp32, kBf16 };
inline constexpr int64_t kFewTerms = 16;

// What this CPU, as limited by LimitIsa, gains from: kBf16 only where it multiplies bfloat16 faster than
// fp32.
Precision UsablePrecision(Precision wanted);

// "fp32", "bf16".
std::string_view Name(Precision precision);

// Who computes.
enum class GemmVariant {
  kBest,        // kSimd where the CPU has vector instructions for it, else kOneDnn
  kOneDnn,      // oneDNN
  kSimd,        // simd_gemm.h; the reference on a CPU without AVX2
  kBf16,        // bf16_gemm.h
  kAmx,         // amx_gemm.h
  kOneDnnBf16,  // operands rounded to bfloat16, products by oneDNN, which uses AMX where the CPU has it
};

// "onednn", "simd", "bf16", "amx", "onednn_bf16", "best".
std::string_view Name(GemmVariant variant);

// Those that this CPU runs at a precision, without kBest.
std::vector<GemmVariant> GemmVariants(Precision precision = Precision::kFp32);

// Computes products on the calling thread, with kernels of our own or with oneDNN. The only place that knows
// oneDNN: it owns the engine, the stream, the primitives (made once a shape, kept for the life of the object)
// and their scratch memory.
//
// Every product runs single-threaded: callers cut the batch over their own threads and give each thread its
// own Gemm. oneDNN's OpenMP runtime never starts a thread, so there are no spinning barriers and no second
// pool to fight over the cores. Same shape, same operands: same bytes.
//
// A shape for which oneDNN has no implementation runs on the reference. Not thread-safe.
class Gemm {
 public:
  explicit Gemm(GemmVariant variant = GemmVariant::kBest);
  // The best at UsablePrecision(precision): in bfloat16 kAmx where the CPU has it, else kBf16.
  explicit Gemm(Precision precision);
  ~Gemm();
  Gemm(Gemm&&) noexcept;
  Gemm& operator=(Gemm&&) noexcept;

  void Multiply(const Product& product);

  // A weight matrix is the b of products on many threads. Packed once, it is read by all of them.
  // Floats that b [k, n] takes packed; 0 where this variant reads it as it lies.
  int64_t PackedFloats(int64_t k, int64_t n) const;
  // Packs part `part` of `parts` of the b of a product, of which n, k and b count. Parts touch different
  // memory, so that threads pack one matrix together, each by its own Gemm. `packed` begins on a cache line.
  // Products give the same bytes with it as without.
  void Pack(const Product& product, int64_t part, int64_t parts, float* packed);

  // Shapes that fell back to the reference so far.
  int64_t fallback_shapes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_GEMM_H_
