#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_SERVING_ONNX_GRAPH_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_SERVING_ONNX_GRAPH_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sda::trainer {

// Builds an ONNX model (onnx.ai, IR version 8, operator set 13) as the bytes of its file. Weights stay
// outside: a tensor names a place in another file of the same folder, which is how ONNX holds models beyond 2
// GB. Values are known by name; each operator makes one new value and returns its name.
class OnnxGraph {
 public:
  using Values = std::vector<std::string>;

  enum class Type { kFloat = 1, kInt64 = 7 };

  // A graph input [rows, columns], rows being free.
  std::string Input(const std::string& name, Type type, int64_t columns);
  // A graph input [rows, n], both free, n by its own name.
  std::string BagInput(const std::string& name, Type type, const std::string& columns);

  // A float tensor of `shape` at byte `offset` of `file`.
  std::string External(const std::string& name, const std::vector<int64_t>& shape, const std::string& file,
                       int64_t offset);

  // A small constant; an empty shape is a scalar.
  std::string Constant(const std::vector<int64_t>& values, const std::vector<int64_t>& shape);
  std::string Constant(float value);

  // An attribute that is an integer or a list of them.
  struct Attribute {
    std::string name;
    std::vector<int64_t> ints;
    bool list = false;  // else ints[0] alone
  };

  // Applies an operator.
  std::string Apply(const std::string& op, const Values& inputs,
                    const std::vector<Attribute>& attributes = {}, const std::string& output = "");

  // A graph output [rows].
  void Output(const std::string& name);

  // The file's bytes; `metadata` are key and value for whoever reads it.
  std::string Serialize(const std::vector<std::pair<std::string, std::string>>& metadata) const;

 private:
  std::string NewName(std::string_view prefix);

  std::string nodes_, initializers_, inputs_, outputs_;  // fields of GraphProto, encoded
  int64_t names_ = 0;
};

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_SERVING_ONNX_GRAPH_H_
