#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_SERVING_ONNX_MODEL_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_SERVING_ONNX_MODEL_H_

#include <cstdint>
#include <string>

#include "services/trainer_worker/core/model/dlrm.h"

namespace sda::trainer {

// A model as an ONNX file that any ONNX runtime scores. Its inputs are encoded rows:
//   dense  float32 [rows, dense columns]         as in the dataset's shards, that is transformed
//   ids    int64   [rows, categorical columns]   of the vocabularies; each within its table
//   bag:X  int64   [rows, n], any n from 1       for each column X of lists, which "ids" then leaves out: the
//   ids
//                                                of a row, then −1 up to n
// (an input without columns is left out), its output "probability" float32 [rows].
//
// The weights are not in it: they are found in `weights_file` of the same folder, which holds the dense
// parameters in the layout's order from byte `weights_begin` on, then the tables. The file so stays small
// whatever the model's size and nothing is stored twice.
std::string OnnxModel(const DlrmLayout& layout, const std::string& weights_file, int64_t weights_begin);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_SERVING_ONNX_MODEL_H_
