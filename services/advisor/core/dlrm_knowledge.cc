#include "services/advisor/core/dlrm_knowledge.h"

namespace sda::advisor {
namespace {

// Every pair of features is an input of the top MLP under dot interaction. Below this many rows a pair, the
// weights behind them are mostly noise and plain concatenation is as good or better.
constexpr int64_t kRowsPerPair = 50;

// One size class: presets hold for data of fewer than `below_rows` rows.
struct SizeClass {
  int64_t below_rows;
  int64_t batch_size;
  double epochs;
  double dense_rate;
  double sparse_rate;
  bool rowwise;
};

// Batches grow with the data: small ones generalise better where there are few rows, large ones keep the
// cores busy where there are many. Click models over-fit from the second epoch on, so epochs shrink to one.
// Rates rise with the batch, more slowly than it.
constexpr SizeClass kClasses[] = {
    {20'000, 64, 3, 1e-3, 0.01, false},      {100'000, 128, 3, 1e-3, 0.02, false},
    {500'000, 256, 2, 1e-3, 0.02, false},    {2'000'000, 512, 1, 1e-3, 0.02, false},
    {20'000'000, 2048, 1, 2e-3, 0.03, true}, {INT64_MAX, 8192, 1, 3e-3, 0.04, true},
};

const SizeClass& ClassOf(int64_t rows) {
  for (const SizeClass& size : kClasses) {
    if (rows < size.below_rows) return size;
  }
  return kClasses[std::size(kClasses) - 1];
}

void ChooseLayers(int64_t rows, DlrmPreset& preset) {
  if (rows < 1'000'000) {
    preset.embedding_dims = {8, 16, 32};
    preset.bottom_layers = {64};
    preset.bottom_choices = {{32}, {64}, {128, 64}};
    preset.top_layers = {128, 64};
    preset.top_choices = {{64, 32}, {128, 64}, {256, 128}};
  } else if (rows < 20'000'000) {
    preset.embedding_dims = {8, 16, 32};
    preset.bottom_layers = {128, 64};
    preset.bottom_choices = {{64}, {128, 64}, {256, 128}};
    preset.top_layers = {256, 128};
    preset.top_choices = {{128, 64}, {256, 128}, {512, 256}};
  } else {
    preset.embedding_dims = {16, 32, 64};
    preset.bottom_layers = {256, 64};
    preset.bottom_choices = {{128, 64}, {256, 64}, {512, 256, 64}};
    preset.top_layers = {512, 256};
    preset.top_choices = {{256, 128}, {512, 256}, {512, 512, 256}};
  }
}

}  // namespace

DlrmPreset PresetFor(int64_t rows, int64_t tables) {
  const SizeClass& size = ClassOf(rows);
  DlrmPreset preset;
  preset.batch_size = size.batch_size;
  preset.epochs = size.epochs;
  preset.dense_rate = size.dense_rate;
  preset.sparse_rate = size.sparse_rate;
  preset.rowwise = size.rowwise;
  const int64_t pairs = (tables + 1) * tables / 2;
  preset.dot_is_doubtful = tables > 0 && rows < 4 * pairs * kRowsPerPair;
  preset.dot = rows >= pairs * kRowsPerPair;
  ChooseLayers(rows, preset);
  return preset;
}

}  // namespace sda::advisor
