#ifndef SDA_SERVICES_ADVISOR_CORE_DLRM_KNOWLEDGE_H_
#define SDA_SERVICES_ADVISOR_CORE_DLRM_KNOWLEDGE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "services/advisor/core/cost_model.h"

namespace sda::advisor {

// What works for a DLRM on data of a given size, before the machine is looked at. The figures come from
// sweeps over public click logs of 10,000 to 300,000 rows and, for larger data, from published DLRM
// configurations.
struct DlrmPreset {
  int64_t embedding_dim = 16;
  std::vector<int64_t> embedding_dims;
  std::vector<int64_t> bottom_layers;
  std::vector<std::vector<int64_t>> bottom_choices;
  std::vector<int64_t> top_layers;
  std::vector<std::vector<int64_t>> top_choices;
  bool dot = true;  // else concatenation
  bool dot_is_doubtful = false;
  int64_t batch_size = 128;
  double epochs = 1;
  int64_t evaluations_per_epoch = 4;
  double dense_rate = 1e-3;   // Adam
  double sparse_rate = 0.02;  // Adagrad, row-wise or not
  bool rowwise = false;
};

// `rows` of the training split; `tables` categorical columns.
DlrmPreset PresetFor(int64_t rows, int64_t tables);

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_CORE_DLRM_KNOWLEDGE_H_
