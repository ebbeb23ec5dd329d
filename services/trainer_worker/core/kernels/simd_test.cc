// Each vector kernel against its plain reference, on every instruction set that this machine has.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/numerics/rng.h"
#include "services/trainer_worker/core/kernels/elementwise.h"
#include "services/trainer_worker/core/kernels/embedding_bag.h"
#include "services/trainer_worker/core/kernels/float_buffer.h"
#include "services/trainer_worker/core/kernels/gemm.h"
#include "services/trainer_worker/core/kernels/interaction.h"
#include "services/trainer_worker/core/kernels/isa.h"
#include "services/trainer_worker/core/kernels/reference_gemm.h"

namespace sda::trainer {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kEpsilon = std::numeric_limits<float>::epsilon();

// Integers in [-4, 4]: sums of products of some thousands are exact in any order.
std::vector<float> Integers(Rng& rng, int64_t n) {
  std::vector<float> values(n);
  for (float& value : values) value = static_cast<float>(rng.Below(9)) - 4;
  return values;
}

bool SameNumber(float a, float b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

void ExpectSame(const std::vector<float>& got, const std::vector<float>& want, const std::string& what) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i)
    ASSERT_TRUE(SameNumber(got[i], want[i])) << what << " at " << i << ": " << got[i] << " for " << want[i];
}

class SimdTest : public testing::TestWithParam<Isa> {
 protected:
  SimdTest() : before_(UsableIsa()) {}
  ~SimdTest() override { LimitIsa(before_); }

  // What `kernel` leaves in its output on the plain path and on the tested one.
  template <class Kernel>
  void Compare(const std::string& what, const std::vector<float>& initial, const Kernel& kernel) {
    std::vector<float> want = initial, got = initial;
    LimitIsa(Isa::kPlain);
    kernel(want.data());
    LimitIsa(GetParam());
    kernel(got.data());
    ExpectSame(got, want, what);
  }

 private:
  const Isa before_;
};

// Small integers are exact in bfloat16 too.
void CheckProducts(Gemm gemm) {
  Rng rng(1);
  const int64_t kRows[] = {1, 5, 6, 7, 13, 14, 15, 28, 29, 130},
                kColumns[] = {1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 67};
  const int64_t kTerms[] = {1, 3, 4, 63, 64, 67, 129, 300};
  for (int64_t m : kRows) {
    for (int64_t n : kColumns) {
      const int64_t k = kTerms[rng.Below(std::size(kTerms))];
      const uint64_t bits = rng.Next();
      const bool ta = (bits & 1) != 0, tb = (bits & 2) != 0;
      const int64_t padding = (bits & 4) != 0 ? 3 : 0;
      // Padding is NaN: it must be neither read into results nor written.
      const auto matrix = [&](int64_t rows, int64_t cols) {
        std::vector<float> values(padding + rows * (cols + padding), kNan);
        for (int64_t i = 0; i < rows; ++i) {
          for (int64_t j = 0; j < cols; ++j)
            values[padding + i * (cols + padding) + j] = static_cast<float>(rng.Below(9)) - 4;
        }
        return values;
      };
      const auto a = ta ? matrix(k, m) : matrix(m, k), b = tb ? matrix(n, k) : matrix(k, n);
      const auto bias = Integers(rng, n);
      std::vector<float> got(padding + m * (n + padding), kNan), want = got;
      Product product{.m = m,
                      .n = n,
                      .k = k,
                      .a = a.data() + padding,
                      .a_stride = (ta ? m : k) + padding,
                      .a_transposed = ta,
                      .b = b.data() + padding,
                      .b_stride = (tb ? k : n) + padding,
                      .b_transposed = tb,
                      .bias = (bits & 8) != 0 ? bias.data() : nullptr,
                      .activation = (bits & 16) != 0 ? Activation::kRelu : Activation::kNone,
                      .c = got.data() + padding,
                      .c_stride = n + padding};
      gemm.Multiply(product);
      product.c = want.data() + padding;
      ReferenceMultiply(product);
      ExpectSame(got, want, testing::PrintToString(std::vector<int64_t>{m, n, k, ta, tb, padding}));
    }
  }
}

TEST_P(SimdTest, ProductsOverTailsAndBlocks) {
  LimitIsa(GetParam());
  CheckProducts(Gemm(GemmVariant::kSimd));
}

TEST_P(SimdTest, Bf16ProductsOverTailsAndBlocks) {
  LimitIsa(GetParam());
  CheckProducts(Gemm(GemmVariant::kBf16));
}

TEST_P(SimdTest, AmxProductsOverTailsAndBlocks) {
  LimitIsa(GetParam());
  CheckProducts(Gemm(GemmVariant::kAmx));
}

// So large that terms and columns are cut, and c is visited more than once.
TEST_P(SimdTest, AmxProductsBeyondTheirCuts) {
  LimitIsa(GetParam());
  if (GetParam() < Isa::kAmx) GTEST_SKIP() << "without tiles it is the reference, which needs long for these";
  Gemm gemm(GemmVariant::kAmx);
  Rng rng(31);
  struct Shape {
    int64_t m, n, k;
    bool a_transposed, b_transposed;
  };
  for (const Shape& s : {Shape{70, 300, 2101, false, true},
                         {70, 300, 4200, false, false},
                         {300, 1100, 1100, true, false},
                         {290, 40, 2101, true, true}}) {
    const auto a = Integers(rng, s.m * s.k), b = Integers(rng, s.k * s.n), bias = Integers(rng, s.n);
    std::vector<float> got(s.m * s.n, kNan), want = got;
    Product product{.m = s.m,
                    .n = s.n,
                    .k = s.k,
                    .a = a.data(),
                    .a_stride = s.a_transposed ? s.m : s.k,
                    .a_transposed = s.a_transposed,
                    .b = b.data(),
                    .b_stride = s.b_transposed ? s.k : s.n,
                    .b_transposed = s.b_transposed,
                    .bias = bias.data(),
                    .activation = Activation::kRelu,
                    .c = got.data(),
                    .c_stride = s.n};
    gemm.Multiply(product);
    product.c = want.data();
    ReferenceMultiply(product);
    ExpectSame(got, want, testing::PrintToString(std::vector<int64_t>{s.m, s.n, s.k, s.a_transposed}));
  }
}

void ExpectOperandsRoundedAndNotSums(Gemm gemm) {
  Rng rng(9);
  // Beyond a block of terms, and odd.
  const int64_t m = 30, n = 40, k = 2101;
  for (const bool transposed : {false, true}) {
    std::vector<float> a(m * k), b(k * n), got(m * n), want(m * n);
    for (auto* operand : {&a, &b}) {
      for (float& value : *operand) value = static_cast<float>(rng.Uniform(-1, 1));
    }
    Product product{.m = m,
                    .n = n,
                    .k = k,
                    .a = a.data(),
                    .a_stride = transposed ? m : k,
                    .a_transposed = transposed,
                    .b = b.data(),
                    .b_stride = transposed ? n : k,
                    .b_transposed = !transposed,
                    .c = got.data(),
                    .c_stride = n};
    gemm.Multiply(product);
    for (auto* operand : {&a, &b}) {
      for (float& value : *operand) {
        // To nearest, ties to even, in the upper half of the word.
        uint32_t bits = std::bit_cast<uint32_t>(value);
        bits += 0x7fff + (bits >> 16 & 1);
        value = std::bit_cast<float>(bits & 0xffff0000);
      }
    }
    product.c = want.data();
    ReferenceMultiply(product);
    for (int64_t i = 0; i < m * n; ++i) EXPECT_LE(std::abs(got[i] - want[i]), k * kEpsilon * k / 8) << i;
  }
}

TEST_P(SimdTest, Bf16RoundsOperandsAndNotSums) {
  LimitIsa(GetParam());
  if (GetParam() < Isa::kAvx512Bf16) GTEST_SKIP() << "without bfloat16";
  ExpectOperandsRoundedAndNotSums(Gemm(GemmVariant::kBf16));
}

TEST_P(SimdTest, AmxRoundsOperandsAndNotSums) {
  LimitIsa(GetParam());
  if (GetParam() < Isa::kAmx) GTEST_SKIP() << "without tiles";
  ExpectOperandsRoundedAndNotSums(Gemm(GemmVariant::kAmx));
}

TEST_P(SimdTest, ThePrecisionUsedIsTheFasterOne) {
  LimitIsa(GetParam());
  EXPECT_EQ(UsablePrecision(Precision::kFp32), Precision::kFp32);
  const bool gains = GetParam() == Isa::kAmx || VectorsGainFromBf16();
  EXPECT_EQ(UsablePrecision(Precision::kBf16), gains ? Precision::kBf16 : Precision::kFp32);
}

TEST_P(SimdTest, OneDnnBf16ProductsOverTailsAndBlocks) {
  LimitIsa(GetParam());
  CheckProducts(Gemm(GemmVariant::kOneDnnBf16));
}

TEST_P(SimdTest, PackedOnceGivesTheBytesOfPackingEachTime) {
  LimitIsa(GetParam());
  Rng rng(12);
  for (const GemmVariant variant :
       {GemmVariant::kSimd, GemmVariant::kBf16, GemmVariant::kAmx, GemmVariant::kOneDnn}) {
    Gemm gemm(variant);
    for (const int64_t n : {1, 15, 16, 17, 32, 33, 100}) {
      // Odd, and beyond a block of terms.
      for (const int64_t k : {1, 7, 300, 1025, 2101}) {
        for (const bool transposed : {false, true}) {
          const int64_t m = 17, parts = 1 + static_cast<int64_t>(rng.Below(4)), padding = 3;
          const int64_t b_stride = (transposed ? k : n) + padding;
          std::vector<float> a(m * k), b((transposed ? n : k) * b_stride, kNan), bias(n), plain(m * n),
              packed(m * n);
          for (auto* operand : {&a, &bias}) {
            for (float& value : *operand) value = static_cast<float>(rng.Uniform(-1, 1));
          }
          for (size_t i = 0; i < b.size(); ++i) {
            if (static_cast<int64_t>(i) % b_stride < b_stride - padding)
              b[i] = static_cast<float>(rng.Uniform(-1, 1));
          }
          Product product{.m = m,
                          .n = n,
                          .k = k,
                          .a = a.data(),
                          .a_stride = k,
                          .b = b.data(),
                          .b_stride = b_stride,
                          .b_transposed = transposed,
                          .bias = bias.data(),
                          .activation = Activation::kRelu,
                          .c = plain.data(),
                          .c_stride = n};
          gemm.Multiply(product);
          FloatBuffer memory(gemm.PackedFloats(k, n));
          for (float& value : memory.span()) value = kNan;
          for (int64_t part = parts; part-- > 0;) gemm.Pack(product, part, parts, memory.data());
          if (memory.size() > 0) product.packed_b = memory.data();
          product.c = packed.data();
          gemm.Multiply(product);
          EXPECT_EQ(plain, packed) << Name(variant) << " n " << n << " k " << k << " transposed "
                                   << transposed;
        }
      }
    }
  }
}

TEST_P(SimdTest, LongProductsOfRealsStayWithinTheirBound) {
  LimitIsa(GetParam());
  Gemm gemm(GemmVariant::kSimd);
  Rng rng(2);
  for (const bool transposed : {false, true}) {
    const int64_t m = 40, n = 50, k = 1500;
    std::vector<float> a(m * k), b(k * n), got(m * n), want(m * n);
    for (float& value : a) value = static_cast<float>(rng.Uniform(-1, 1));
    for (float& value : b) value = static_cast<float>(rng.Uniform(-1, 1));
    Product product{.m = m,
                    .n = n,
                    .k = k,
                    .a = a.data(),
                    .a_stride = transposed ? m : k,
                    .a_transposed = transposed,
                    .b = b.data(),
                    .b_stride = n,
                    .c = got.data(),
                    .c_stride = n};
    gemm.Multiply(product);
    product.c = want.data();
    ReferenceMultiply(product);
    // |error| <= k · eps · Σ|a||b|, and Σ|a||b| <= k.
    for (int64_t i = 0; i < m * n; ++i) EXPECT_LE(std::abs(got[i] - want[i]), k * kEpsilon * k) << i;
  }
}

TEST_P(SimdTest, NanOfAnOperandReachesItsRowAlone) {
  LimitIsa(GetParam());
  for (const GemmVariant variant : {GemmVariant::kSimd, GemmVariant::kBf16, GemmVariant::kAmx}) {
    Gemm gemm(variant);
    const int64_t m = 35, n = 20, k = 50;
    std::vector<float> a(m * k, 1), b(k * n, 1), c(m * n);
    a[3 * k + 49] = kNan;
    gemm.Multiply({.m = m,
                   .n = n,
                   .k = k,
                   .a = a.data(),
                   .a_stride = k,
                   .b = b.data(),
                   .b_stride = n,
                   .c = c.data(),
                   .c_stride = n});
    for (int64_t i = 0; i < m * n; ++i) EXPECT_EQ(std::isnan(c[i]), i / n == 3) << Name(variant) << i;
  }
}

TEST_P(SimdTest, RowsOfAProductDoNotDependOnTheOthers) {
  LimitIsa(GetParam());
  Gemm gemm(GemmVariant::kSimd);
  Rng rng(3);
  const int64_t m = 61, n = 45, k = 70;
  std::vector<float> a(m * k), b(n * k), whole(m * n), parts(m * n);
  for (float& value : a) value = static_cast<float>(rng.Uniform(-1, 1));
  for (float& value : b) value = static_cast<float>(rng.Uniform(-1, 1));
  Product product{.m = m,
                  .n = n,
                  .k = k,
                  .a = a.data(),
                  .a_stride = k,
                  .b = b.data(),
                  .b_stride = k,
                  .b_transposed = true,
                  .c = whole.data(),
                  .c_stride = n};
  gemm.Multiply(product);
  for (const auto& [begin, end] : {std::pair{0, 20}, {20, 21}, {21, 61}}) {
    product.m = end - begin;
    product.a = a.data() + begin * k;
    product.c = parts.data() + begin * n;
    gemm.Multiply(product);
  }
  EXPECT_EQ(parts, whole);
}

TEST_P(SimdTest, InteractionForwardAndBackward) {
  Rng rng(4);
  for (int64_t features : {1, 2, 6, 14, 15, 27, 33}) {
    for (int64_t dim : {1, 4, 7, 8, 16, 17, 32, 40}) {
      const DotInteraction shape{.features = features, .dim = dim, .self = rng.Below(2) == 1};
      const auto t = Integers(rng, 3 * features * dim), dr = Integers(rng, 3 * shape.outputs());
      const std::string what = testing::PrintToString(std::vector<int64_t>{features, dim, shape.self});
      // One float of room before and after shows what is written beyond.
      Compare("forward " + what, std::vector<float>(3 * shape.outputs() + 2, kNan),
              [&](float* r) { DotInteractionForward(shape, 3, t.data(), r + 1); });
      Compare("backward " + what, std::vector<float>(3 * features * dim + 2, kNan),
              [&](float* dt) { DotInteractionBackward(shape, 3, t.data(), dr.data(), dt + 1); });
      Compare("forward in bfloat16 " + what, std::vector<float>(3 * shape.outputs() + 2, kNan),
              [&](float* r) { DotInteractionForward(shape, 3, t.data(), r + 1, Precision::kBf16); });
      Compare("backward in bfloat16 " + what, std::vector<float>(3 * features * dim + 2, kNan),
              [&](float* dt) {
                DotInteractionBackward(shape, 3, t.data(), dr.data(), dt + 1, Precision::kBf16);
              });
    }
  }
}

// Bags of up to 40 ids, some empty, with repetitions.
struct Bags {
  Bags(Rng& rng, int64_t samples, int64_t rows) : offsets{0} {
    for (int64_t s = 0; s < samples; ++s) {
      for (uint64_t left = rng.Below(3) == 0 ? 0 : rng.Below(41); left > 0; --left)
        ids.push_back(static_cast<int32_t>(rng.Below(static_cast<uint64_t>(rows))));
      offsets.push_back(static_cast<int32_t>(ids.size()));
    }
  }
  TableIds table() const { return {ids, offsets}; }
  std::vector<int32_t> ids, offsets;
};

TEST_P(SimdTest, EmbeddingBagsOverWidthsEmptyBagsAndRepetitions) {
  Rng rng(5);
  constexpr int64_t kSamples = 30, kTableRows = 12;
  for (int64_t dim : {1, 3, 7, 8, 9, 16, 17, 31, 48, 64, 65, 80, 96, 100, 128, 130, 256}) {
    const auto table = Integers(rng, kTableRows * dim + 1);
    const Bags bags(rng, kSamples, kTableRows);
    std::vector<int32_t> one(kSamples);
    for (int32_t& id : one) id = static_cast<int32_t>(rng.Below(kTableRows));
    const int64_t stride = dim + 2;
    for (const TableIds& ids : {bags.table(), TableIds{.ids = one, .offsets = {}}}) {
      const std::string what = "dim " + std::to_string(dim) + (ids.one_hot() ? " one" : " bags");
      Compare(what, std::vector<float>(kSamples * stride, kNan), [&](float* out) {
        EmbeddingBagForward(table.data() + 1, dim, ids, 0, 20, out, stride);
        EmbeddingBagForward(table.data() + 1, dim, ids, 20, kSamples, out + 20 * stride, stride);
      });
      const auto gradient = Integers(rng, kSamples * stride);
      for (int64_t shards : {1, 3}) {
        Compare("sgd " + what, table, [&](float* out) {
          for (int64_t shard = 0; shard < shards; ++shard)
            EmbeddingBagSgd(out + 1, dim, ids, kSamples, gradient.data(), stride, 0.25f, shard, shards);
        });
      }
    }
  }
}

TEST_P(SimdTest, ShardsTogetherAreTheWholeStep) {
  LimitIsa(GetParam());
  Rng rng(6);
  const Bags bags(rng, 50, 9);
  std::vector<float> whole = Integers(rng, 9 * 20), parts = whole;
  std::vector<float> gradient(50 * 20);
  for (float& value : gradient) value = static_cast<float>(rng.Uniform(-1, 1));
  EmbeddingBagSgd(whole.data(), 20, bags.table(), 50, gradient.data(), 20, 0.1f);
  for (int64_t shard : {2, 0, 1})
    EmbeddingBagSgd(parts.data(), 20, bags.table(), 50, gradient.data(), 20, 0.1f, shard, 3);
  EXPECT_EQ(whole, parts);
}

TEST_P(SimdTest, SumsOfSampleGradients) {
  Rng rng(7);
  for (int64_t dim : {1, 8, 15, 16, 33}) {
    const auto gradient = Integers(rng, 10 * (dim + 1));
    for (const std::vector<int32_t>& samples : {std::vector<int32_t>{3}, {9, 0, 0, 4, 9}}) {
      Compare("dim " + std::to_string(dim), std::vector<float>(dim + 1, kNan),
              [&](float* sum) { SumSampleGradients(gradient.data(), dim + 1, dim, samples, sum); });
    }
  }
}

TEST_P(SimdTest, ActivationsAndSums) {
  Rng rng(8);
  for (int64_t n : {1, 7, 8, 15, 16, 17, 64, 100}) {
    auto y = Integers(rng, 5 * (n + 1));
    y[0] = kNan;  // no unit that let its sample through
    const auto dy = Integers(rng, 5 * (n + 3) + n);
    for (const bool relu : {false, true}) {
      Compare("activation of " + std::to_string(n), dy, [&](float* values) {
        ActivationBackward(5, n, relu ? y.data() : nullptr, n + 1, 2.0f, values, n + 3, values + 5 * (n + 3));
      });
    }
    Compare("sum of " + std::to_string(n), dy, [&](float* to) { AddTo(n, y.data() + 1, to + 1); });
    Compare("scaled sum of " + std::to_string(n), dy,
            [&](float* to) { AddScaledTo(n, 0.5f, y.data() + 1, to + 1); });
  }
}

// Published bits of Split-SGD-BF16: 0.1 less 1e-4 three times. The weight in bfloat16 is the upper half of
// the fp32 weight and does not move; the lower half is what the split state remembers.
TEST_P(SimdTest, UpperAndLowerHalvesOfAWeightUnderSgd) {
  LimitIsa(GetParam());
  for (int64_t n : {1, 40}) {
    std::vector<float> weights(n, 0.1f);
    const std::vector<float> gradient(n, 1.0f);
    EXPECT_EQ(std::bit_cast<uint32_t>(weights[0]), 0x3dcccccdu);
    for (const uint32_t low : {0x985fu, 0x63f1u, 0x2f83u}) {
      AddScaledTo(n, -1e-4f, gradient.data(), weights.data());
      for (float weight : weights) EXPECT_EQ(std::bit_cast<uint32_t>(weight), 0x3dcc0000u | low);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, SimdTest, testing::ValuesIn(SupportedIsas()),
                         [](const auto& info) { return std::string(Name(info.param)); });

}  // namespace
}  // namespace sda::trainer
