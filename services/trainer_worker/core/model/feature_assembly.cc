#include "services/trainer_worker/core/model/feature_assembly.h"

#include <algorithm>

namespace sda::trainer {

void AssembleFeatures(Gemm& gemm, const TablePlan& plan, const float* parameters, int64_t rows,
                      const float* side, float* features) {
  for (const Feature& feature : plan.features) {
    if (feature.kind == Feature::Kind::kStored) continue;
    const Table& table = plan.tables[feature.table];
    const float* first = side + table.offset;
    float* out = features + feature.offset;
    if (feature.kind == Feature::Kind::kProjected) {
      gemm.Multiply({.m = rows,
                     .n = feature.width,
                     .k = table.width,
                     .a = first,
                     .a_stride = plan.side_width,
                     .b = parameters + feature.projection,
                     .b_stride = table.width,
                     .b_transposed = true,
                     .c = out,
                     .c_stride = plan.feature_width});
      continue;
    }
    const float* second = side + plan.tables[feature.table + 1].offset;
    const bool product = feature.kind == Feature::Kind::kProduct;
    for (int64_t row = 0; row < rows; ++row) {
      const float* a = first + row * plan.side_width;
      const float* b = second + row * plan.side_width;
      float* y = out + row * plan.feature_width;
      for (int64_t i = 0; i < feature.width; ++i) y[i] = product ? a[i] * b[i] : a[i] + b[i];
    }
  }
}

void DisassembleFeatures(Gemm& gemm, const TablePlan& plan, const float* parameters, int64_t rows,
                         const float* side, const float* dfeatures, float* dside, float* gradients) {
  for (const Feature& feature : plan.features) {
    if (feature.kind == Feature::Kind::kStored) continue;
    const Table& table = plan.tables[feature.table];
    const float* dy = dfeatures + feature.offset;
    if (feature.kind == Feature::Kind::kProjected) {
      gemm.Multiply({.m = feature.width,
                     .n = table.width,
                     .k = rows,
                     .a = dy,
                     .a_stride = plan.feature_width,
                     .a_transposed = true,
                     .b = side + table.offset,
                     .b_stride = plan.side_width,
                     .c = gradients + feature.projection,
                     .c_stride = table.width});
      gemm.Multiply({.m = rows,
                     .n = table.width,
                     .k = feature.width,
                     .a = dy,
                     .a_stride = plan.feature_width,
                     .b = parameters + feature.projection,
                     .b_stride = table.width,
                     .c = dside + table.offset,
                     .c_stride = plan.side_width});
      continue;
    }
    const int64_t first = table.offset;
    const int64_t second = plan.tables[feature.table + 1].offset;
    const bool product = feature.kind == Feature::Kind::kProduct;
    for (int64_t row = 0; row < rows; ++row) {
      const float* values = side + row * plan.side_width;
      float* out = dside + row * plan.side_width;
      const float* g = dy + row * plan.feature_width;
      for (int64_t i = 0; i < feature.width; ++i) {
        out[first + i] = product ? g[i] * values[second + i] : g[i];
        out[second + i] = product ? g[i] * values[first + i] : g[i];
      }
    }
  }
}

void WideForward(const WidePart& wide, const float* parameters, int64_t rows, const float* dense,
                 const float* side, float* logits) {
  for (int64_t row = 0; row < rows; ++row) {
    float sum = parameters[wide.bias];
    for (int64_t i = 0; i < wide.dense_columns; ++i)
      sum += parameters[wide.weights + i] * dense[row * wide.dense_columns + i];
    for (int64_t i = wide.side_begin; i < wide.side_end; ++i) sum += side[row * wide.side_width + i];
    logits[row] += sum;
  }
}

void WideBackward(const WidePart& wide, int64_t rows, const float* dense, const float* dlogits,
                  float* gradients, float* dside) {
  float* dw = gradients + wide.weights;
  std::fill(dw, dw + wide.dense_columns, 0.0f);
  gradients[wide.bias] = 0;
  for (int64_t row = 0; row < rows; ++row) {
    const float g = dlogits[row];
    gradients[wide.bias] += g;
    for (int64_t i = 0; i < wide.dense_columns; ++i) dw[i] += g * dense[row * wide.dense_columns + i];
    for (int64_t i = wide.side_begin; i < wide.side_end; ++i) dside[row * wide.side_width + i] = g;
  }
}

}  // namespace sda::trainer
