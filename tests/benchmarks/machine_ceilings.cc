#include "tests/benchmarks/machine_ceilings.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <vector>

#include <absl/strings/str_cat.h>

#include "common/base/cpu_time.h"
#include "common/numerics/rng.h"
#include "services/trainer_worker/core/kernels/embedding_bag.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace sda::bench {
namespace {

using Clock = std::chrono::steady_clock;
using trainer::FloatBuffer;
using trainer::Gemm;
using trainer::LinearLayer;
using trainer::Product;

constexpr double kProductSeconds = 0.04;  // a variant and product
constexpr double kStreamSeconds = 0.3;

// Seconds on the clock that other programs disturb least: of a single thread what it spent on a core.
double Now(const trainer::ThreadTeam& team) {
  if (team.size() == 1 || team.in_turns()) return ThreadSeconds();
  return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

// The lower quartile of as many runs as fit into the time, at least five, all threads doing the same at
// once; of a team in turns the first, as each has as much to do, with a cache to itself.
// Not the fastest: the clock of a thread on a busy virtual machine now and then runs ahead of what was done.
template <class Work>
double QuickSeconds(trainer::ThreadTeam& team, double seconds, const Work& work) {
  std::vector<double> runs;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  while (runs.size() < 5 || Clock::now() < end) {
    const double begin = Now(team);
    if (team.in_turns()) {
      work(0);
    } else {
      team.Run([&](int part) { work(part); });
    }
    runs.push_back(Now(team) - begin);
  }
  const auto quartile = runs.begin() + static_cast<std::ptrdiff_t>(runs.size() / 4);
  std::nth_element(runs.begin(), quartile, runs.end());
  return *quartile;
}

// Operands of one layer's products for one thread's slice.
struct Operands {
  Operands(const LinearLayer& layer, int64_t rows)
      : x(rows * layer.in), y(rows * layer.out), weights(layer.in * layer.out), bias(layer.out) {
    for (FloatBuffer* buffer : {&x, &y, &weights}) {
      for (size_t i = 0; i < buffer->size(); ++i) (*buffer)[i] = static_cast<float>(i % 7) - 3;
    }
  }
  FloatBuffer x, y, weights, bias;
};

enum class Kind { kForward, kInputGradient, kWeightGradient };

Product MakeProduct(Kind kind, const LinearLayer& layer, int64_t rows, Operands& o) {
  const int64_t in = layer.in, out = layer.out;
  switch (kind) {
    case Kind::kForward:
      return {.m = rows,
              .n = out,
              .k = in,
              .a = o.x.data(),
              .a_stride = in,
              .b = o.weights.data(),
              .b_stride = in,
              .b_transposed = true,
              .bias = o.bias.data(),
              .activation = trainer::Activation::kRelu,
              .c = o.y.data(),
              .c_stride = out};
    case Kind::kInputGradient:
      return {.m = rows,
              .n = in,
              .k = out,
              .a = o.y.data(),
              .a_stride = out,
              .b = o.weights.data(),
              .b_stride = in,
              .c = o.x.data(),
              .c_stride = in};
    case Kind::kWeightGradient:
      return {.m = out,
              .n = in,
              .k = rows,
              .a = o.y.data(),
              .a_stride = out,
              .a_transposed = true,
              .b = o.x.data(),
              .b_stride = in,
              .c = o.weights.data(),
              .c_stride = in};
  }
  return {};
}

}  // namespace

std::vector<MeasuredProduct> MeasureProducts(const trainer::DlrmLayout& layout, int64_t batch,
                                             trainer::Precision precision, trainer::ThreadTeam& team) {
  std::vector<MeasuredProduct> products;
  const auto add = [&](Kind kind, const char* name, const LinearLayer& layer) {
    MeasuredProduct& product = products.emplace_back();
    product.name = absl::StrCat(name, " ", layer.out, "x", layer.in);
    product.flops = 2.0 * static_cast<double>(batch * layer.in * layer.out);
    std::vector<std::unique_ptr<Operands>> operands;
    for (int part = 0; part < team.size(); ++part) {
      const auto [begin, end] = team.Range(batch, part);
      operands.push_back(std::make_unique<Operands>(layer, end - begin));
    }
    for (const trainer::GemmVariant variant : trainer::GemmVariants(precision)) {
      std::vector<Gemm> gemms;
      for (int part = 0; part < team.size(); ++part) gemms.emplace_back(variant);
      product.seconds[std::string(Name(variant))] = QuickSeconds(team, kProductSeconds, [&](int part) {
        const auto [begin, end] = team.Range(batch, part);
        gemms[part].Multiply(MakeProduct(kind, layer, end - begin, *operands[part]));
      });
    }
  };
  for (const auto* network : {&layout.bottom(), &layout.top()}) {
    for (const LinearLayer& layer : *network) {
      add(Kind::kForward, "forward", layer);
      add(Kind::kWeightGradient, "weight_gradient", layer);
      if (&layer != &layout.bottom().front()) add(Kind::kInputGradient, "input_gradient", layer);
    }
  }
  return products;
}

double BestGflops(const std::vector<MeasuredProduct>& products) {
  double flops = 0, seconds = 0;
  for (const MeasuredProduct& product : products) {
    double best = std::numeric_limits<double>::infinity();
    for (const auto& [variant, time] : product.seconds) best = std::min(best, time);
    flops += product.flops;
    seconds += best;
  }
  return flops / seconds / 1e9;
}

double MeasureGatherGbPerS(std::span<const float> table, int64_t dim, trainer::ThreadTeam& team) {
  // So many rows a thread that no cache holds them from one run to the next.
  const int64_t kLookups = std::max<int64_t>(1 << 18, (int64_t{1} << 28) / (dim * 4)) & ~int64_t{1023};
  constexpr int64_t kBag = 32;
  const int64_t rows = static_cast<int64_t>(table.size()) / dim;
  if (rows == 0) return 0;
  std::vector<std::vector<int32_t>> ids(team.size());
  std::vector<FloatBuffer> sums;
  std::vector<int32_t> offsets;
  for (int64_t bag = 0; bag <= kLookups / kBag; ++bag) offsets.push_back(static_cast<int32_t>(bag * kBag));
  for (int part = 0; part < team.size(); ++part) {
    Rng rng(5, static_cast<uint64_t>(part));
    const auto bound = static_cast<uint64_t>(std::min<int64_t>(rows, std::numeric_limits<int32_t>::max()));
    for (int64_t i = 0; i < kLookups; ++i) ids[part].push_back(static_cast<int32_t>(rng.Below(bound)));
    sums.emplace_back(kLookups / kBag * dim);
  }
  double best = std::numeric_limits<double>::infinity();
  // As training reads rows, and plainly with several distances of prefetching.
  best = std::min(best, QuickSeconds(team, kStreamSeconds, [&](int part) {
                    trainer::EmbeddingBagForward(table.data(), dim, {ids[part], offsets}, 0, kLookups / kBag,
                                                 sums[part].data(), dim);
                  }));
  best = std::min(best, QuickSeconds(team, kStreamSeconds, [&](int part) {
                    for (int64_t i = 0; i < kLookups; i += kLookups / kBag) {
                      trainer::EmbeddingBagForward(table.data(), dim, {ids[part], {}}, i, i + kLookups / kBag,
                                                   sums[part].data(), dim);
                    }
                  }));
  for (const int64_t distance : {4, 8, 16, 32}) {
    best = std::min(best, QuickSeconds(team, kStreamSeconds, [&](int part) {
                      const int32_t* id = ids[part].data();
                      float* out = sums[part].data();
                      for (int64_t i = 0; i < kLookups; ++i) {
                        if (distance > 0 && i + distance < kLookups) {
                          const float* ahead = table.data() + id[i + distance] * dim;
                          for (int64_t l = 0; l < dim; l += 16) __builtin_prefetch(ahead + l);
                        }
                        const float* row = table.data() + id[i] * dim;
                        for (int64_t l = 0; l < dim; ++l) out[l] += row[l];
                      }
                    }));
  }
  return static_cast<double>(team.size() * kLookups * dim) * sizeof(float) / best / 1e9;
}

double MeasureTriadGbPerS(trainer::ThreadTeam& team) {
  constexpr int64_t kFloats = 1 << 24;
  FloatBuffer a(kFloats), b(kFloats), c(kFloats);
  for (int64_t i = 0; i < kFloats; ++i) b[i] = c[i] = static_cast<float>(i & 255);
  double best = QuickSeconds(team, kStreamSeconds, [&](int part) {
    const auto [begin, end] = team.Range(kFloats, part);
    float* to = a.data();
    const float *from = b.data(), *scaled = c.data();
    for (int64_t i = begin; i < end; ++i) to[i] = from[i] + 3.0f * scaled[i];
  });
#if defined(__SSE2__)
  best = std::min(best, QuickSeconds(team, kStreamSeconds, [&](int part) {
                    const auto [begin, end] = team.Range(kFloats / 4, part);
                    const __m128 three = _mm_set1_ps(3.0f);
                    for (int64_t i = begin * 4; i < end * 4; i += 4) {
                      const __m128 scaled = _mm_mul_ps(three, _mm_load_ps(c.data() + i));
                      _mm_stream_ps(a.data() + i, _mm_add_ps(_mm_load_ps(b.data() + i), scaled));
                    }
                    _mm_sfence();
                  }));
#endif
  return 3.0 * kFloats * sizeof(float) / best / 1e9;
}

}  // namespace sda::bench
