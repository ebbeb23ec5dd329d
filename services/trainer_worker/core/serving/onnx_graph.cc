#include "services/trainer_worker/core/serving/onnx_graph.h"

#include <cstring>

#include <absl/strings/str_cat.h>

#include "common/base/strings.h"

namespace sda::trainer {
namespace {

constexpr int64_t kIrVersion = 8;
constexpr int64_t kOperatorSet = 13;

// Field numbers of onnx.proto, which are all of it that is needed here.
namespace field {
constexpr int kModelIrVersion = 1, kModelProducer = 2, kModelGraph = 7, kModelOperatorSet = 8,
              kModelMetadata = 14;
constexpr int kOperatorSetVersion = 2;
constexpr int kGraphNode = 1, kGraphName = 2, kGraphInitializer = 5, kGraphInput = 11, kGraphOutput = 12;
constexpr int kNodeInput = 1, kNodeOutput = 2, kNodeName = 3, kNodeOperator = 4, kNodeAttribute = 5;
constexpr int kAttributeName = 1, kAttributeInt = 3, kAttributeInts = 8, kAttributeType = 20;
constexpr int kTensorDims = 1, kTensorType = 2, kTensorName = 8, kTensorRaw = 9, kTensorExternal = 13,
              kTensorLocation = 14;
constexpr int kEntryKey = 1, kEntryValue = 2;
constexpr int kValueName = 1, kValueType = 2;
constexpr int kTypeTensor = 1, kTensorTypeElement = 1, kTensorTypeShape = 2;
constexpr int kShapeDimension = 1, kDimensionValue = 1, kDimensionName = 2;
}  // namespace field

constexpr int64_t kAttributeTypeInt = 2, kAttributeTypeInts = 7, kLocationExternal = 1;

// Protocol buffers' wire format, as far as ONNX needs it.
void PutVarint(uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

void PutInt(int number, int64_t value, std::string& out) {
  PutVarint(static_cast<uint64_t>(number) << 3, out);
  PutVarint(static_cast<uint64_t>(value), out);
}

void PutBytes(int number, std::string_view bytes, std::string& out) {
  PutVarint(static_cast<uint64_t>(number) << 3 | 2, out);
  PutVarint(bytes.size(), out);
  out.append(bytes);
}

void PutEntry(int number, std::string_view key, std::string_view value, std::string& out) {
  std::string entry;
  PutBytes(field::kEntryKey, key, entry);
  PutBytes(field::kEntryValue, value, entry);
  PutBytes(number, entry, out);
}

std::string TensorHeader(const std::string& name, OnnxGraph::Type type, const std::vector<int64_t>& shape) {
  std::string tensor;
  for (int64_t size : shape) PutInt(field::kTensorDims, size, tensor);
  PutInt(field::kTensorType, static_cast<int64_t>(type), tensor);
  PutBytes(field::kTensorName, name, tensor);
  return tensor;
}

// ValueInfoProto of [rows] or [rows, columns].
std::string ValueInfo(const std::string& name, OnnxGraph::Type type, int64_t columns,
                      const std::string& free_columns = "") {
  std::string dimension, shape, tensor, wrapped, info;
  PutBytes(field::kDimensionName, "rows", dimension);
  PutBytes(field::kShapeDimension, dimension, shape);
  if (columns > 0) {
    dimension.clear();
    PutInt(field::kDimensionValue, columns, dimension);
    PutBytes(field::kShapeDimension, dimension, shape);
  }
  if (!free_columns.empty()) {
    dimension.clear();
    PutBytes(field::kDimensionName, free_columns, dimension);
    PutBytes(field::kShapeDimension, dimension, shape);
  }
  PutInt(field::kTensorTypeElement, static_cast<int64_t>(type), tensor);
  PutBytes(field::kTensorTypeShape, shape, tensor);
  PutBytes(field::kTypeTensor, tensor, wrapped);
  PutBytes(field::kValueName, name, info);
  PutBytes(field::kValueType, wrapped, info);
  return info;
}

}  // namespace

std::string OnnxGraph::NewName(std::string_view prefix) {
  return absl::StrCat(ToAbsl(prefix), "_", ++names_);
}

std::string OnnxGraph::Input(const std::string& name, Type type, int64_t columns) {
  PutBytes(field::kGraphInput, ValueInfo(name, type, columns), inputs_);
  return name;
}

std::string OnnxGraph::BagInput(const std::string& name, Type type, const std::string& columns) {
  PutBytes(field::kGraphInput, ValueInfo(name, type, 0, columns), inputs_);
  return name;
}

std::string OnnxGraph::External(const std::string& name, const std::vector<int64_t>& shape,
                                const std::string& file, int64_t offset) {
  int64_t bytes = sizeof(float);
  for (int64_t size : shape) bytes *= size;
  std::string tensor = TensorHeader(name, Type::kFloat, shape);
  PutEntry(field::kTensorExternal, "location", file, tensor);
  PutEntry(field::kTensorExternal, "offset", std::to_string(offset), tensor);
  PutEntry(field::kTensorExternal, "length", std::to_string(bytes), tensor);
  PutInt(field::kTensorLocation, kLocationExternal, tensor);
  PutBytes(field::kGraphInitializer, tensor, initializers_);
  return name;
}

std::string OnnxGraph::Constant(const std::vector<int64_t>& values, const std::vector<int64_t>& shape) {
  const std::string name = NewName("constant");
  std::string tensor = TensorHeader(name, Type::kInt64, shape);
  PutBytes(field::kTensorRaw, {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(int64_t)},
           tensor);
  PutBytes(field::kGraphInitializer, tensor, initializers_);
  return name;
}

std::string OnnxGraph::Constant(float value) {
  const std::string name = NewName("constant");
  std::string tensor = TensorHeader(name, Type::kFloat, {});
  PutBytes(field::kTensorRaw, {reinterpret_cast<const char*>(&value), sizeof(value)}, tensor);
  PutBytes(field::kGraphInitializer, tensor, initializers_);
  return name;
}

std::string OnnxGraph::Apply(const std::string& op, const Values& inputs,
                             const std::vector<Attribute>& attributes, const std::string& output) {
  const std::string name = output.empty() ? NewName(op) : output;
  std::string node;
  for (const std::string& input : inputs) PutBytes(field::kNodeInput, input, node);
  PutBytes(field::kNodeOutput, name, node);
  PutBytes(field::kNodeName, "make_" + name, node);
  PutBytes(field::kNodeOperator, op, node);
  for (const Attribute& attribute : attributes) {
    std::string encoded;
    PutBytes(field::kAttributeName, attribute.name, encoded);
    for (int64_t value : attribute.ints)
      PutInt(attribute.list ? field::kAttributeInts : field::kAttributeInt, value, encoded);
    PutInt(field::kAttributeType, attribute.list ? kAttributeTypeInts : kAttributeTypeInt, encoded);
    PutBytes(field::kNodeAttribute, encoded, node);
  }
  PutBytes(field::kGraphNode, node, nodes_);
  return name;
}

void OnnxGraph::Output(const std::string& name) {
  PutBytes(field::kGraphOutput, ValueInfo(name, Type::kFloat, 0), outputs_);
}

std::string OnnxGraph::Serialize(const std::vector<std::pair<std::string, std::string>>& metadata) const {
  std::string graph = nodes_;
  PutBytes(field::kGraphName, "model", graph);
  graph += initializers_ + inputs_ + outputs_;

  std::string operators, model;
  PutInt(field::kOperatorSetVersion, kOperatorSet, operators);
  PutInt(field::kModelIrVersion, kIrVersion, model);
  PutBytes(field::kModelProducer, "sda", model);
  PutBytes(field::kModelGraph, graph, model);
  PutBytes(field::kModelOperatorSet, operators, model);
  for (const auto& [key, value] : metadata) PutEntry(field::kModelMetadata, key, value, model);
  return model;
}

}  // namespace sda::trainer
