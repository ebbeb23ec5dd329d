#include "services/trainer_worker/core/serving/onnx_model.h"

#include <vector>

#include <absl/strings/str_cat.h>

#include "services/trainer_worker/core/serving/onnx_graph.h"

namespace sda::trainer {
namespace {

using Attribute = OnnxGraph::Attribute;
using Values = OnnxGraph::Values;

// Follows DlrmForward, operator by operator.
class Exporter {
 public:
  Exporter(const DlrmLayout& layout, std::string weights_file, int64_t weights_begin)
      : layout_(layout), file_(std::move(weights_file)), begin_(weights_begin) {}

  std::string Run() {
    const InputShape& inputs = layout_.inputs();
    if (inputs.dense_columns > 0)
      dense_ = graph_.Input("dense", OnnxGraph::Type::kFloat, inputs.dense_columns);
    int64_t plain = 0;
    for (int64_t t = 0; t < inputs.tables(); ++t) {
      places_.push_back(inputs.is_list(t) ? kBag : plain++);
      bags_.emplace_back();
    }
    if (plain > 0) ids_ = graph_.Input("ids", OnnxGraph::Type::kInt64, plain);
    for (int64_t t = 0; t < inputs.tables(); ++t) {
      if (places_[t] == kBag) bags_[t] = BagOf(inputs.table_names[t], t);
    }

    Values features = {DenseVector()};
    for (const Feature& feature : layout_.plan().features) features.push_back(Vector(feature));
    if (features[0].empty()) features.erase(features.begin());
    const std::string flat = Concat(features);

    std::string x = layout_.spec().interaction == Interaction::kCat ? flat : Dot(features[0], flat);
    const std::string x0 = x;
    for (size_t i = 0; i < layout_.cross().size(); ++i) x = Cross(i, x0, x);
    for (size_t i = 0; i < layout_.top().size(); ++i) x = Linear(absl::StrCat("top", i), layout_.top()[i], x);

    Values terms = {x};
    if (layout_.spec().factorization && layout_.factorization().vectors > 0)
      terms.push_back(Factorization(flat));
    if (layout_.spec().wide) AddWide(terms);
    if (terms.size() > 1) x = graph_.Apply("Sum", terms);
    x = graph_.Apply("Reshape", {x, graph_.Constant({-1}, {1})});
    graph_.Output(graph_.Apply("Sigmoid", {x}, {}, "probability"));
    return graph_.Serialize(
        {{"inputs",
          "rows as encoded in the dataset's shards: dense values transformed, ids of the vocabularies"}});
  }

 private:
  static constexpr int64_t kBag = -1;

  std::string DenseWeights(const std::string& name, const std::vector<int64_t>& shape, int64_t place) {
    return graph_.External(name, shape, file_, begin_ + place * static_cast<int64_t>(sizeof(float)));
  }

  std::string TableWeights(int64_t index) {
    const Table& table = layout_.tables()[index];
    const int64_t place = layout_.dense_parameters() + table.begin;
    return DenseWeights(absl::StrCat("table", index), {table.rows, table.width}, place);
  }

  std::string Concat(const Values& values) {
    return values.size() == 1 ? values[0] : graph_.Apply("Concat", values, {{"axis", {1}}});
  }

  // x · wᵀ + bias, bias empty for none.
  std::string Gemm(const std::string& x, const std::string& w, const std::string& bias) {
    Values inputs = {x, w};
    if (!bias.empty()) inputs.push_back(bias);
    return graph_.Apply("Gemm", inputs, {{"transB", {1}}});
  }

  std::string Linear(const std::string& name, const LinearLayer& layer, const std::string& x) {
    const std::string bias = DenseWeights(name + "_bias", {layer.out}, layer.bias);
    const std::string y =
        layer.in == 0 ? ForEveryRow(bias, layer.out)
                      : Gemm(x, DenseWeights(name + "_weights", {layer.out, layer.in}, layer.weights), bias);
    return layer.activation == Activation::kRelu ? graph_.Apply("Relu", {y}) : y;
  }

  // A vector repeated for every row of the inputs.
  std::string ForEveryRow(const std::string& vector, int64_t width) {
    std::string any = dense_.empty() ? ids_ : dense_;
    for (const Bag& bag : bags_) {
      if (any.empty()) any = bag.ids;
    }
    const std::string shape = graph_.Apply("Shape", {any});
    const std::string rows = graph_.Apply("Gather", {shape, graph_.Constant({0}, {1})}, {{"axis", {0}}});
    return graph_.Apply(
        "Expand", {vector, graph_.Apply("Concat", {rows, graph_.Constant({width}, {1})}, {{"axis", {0}}})});
  }

  // Empty where nothing stands for the dense columns.
  std::string DenseVector() {
    if (layout_.spec().dense_input == DenseInput::kDirect) return dense_;
    std::string x = dense_;
    for (size_t i = 0; i < layout_.bottom().size(); ++i)
      x = Linear(absl::StrCat("bottom", i), layout_.bottom()[i], x);
    return x;
  }

  // A column of lists: ids with padding as 0, and 1 for each id, 0 for padding.
  struct Bag {
    std::string ids;    // [rows, n]
    std::string mask;   // float [rows, n, 1]
    std::string count;  // float [rows, 1], at least 1; empty where bags are summed
  };

  Bag BagOf(const std::string& name, int64_t table) {
    const std::string padded =
        graph_.BagInput(absl::StrCat("bag:", name), OnnxGraph::Type::kInt64, absl::StrCat("n", table));
    const std::string zero = graph_.Constant({0}, {1});
    Bag bag;
    bag.ids = graph_.Apply("Max", {padded, zero});
    const std::string mask = graph_.Apply("Cast", {graph_.Apply("GreaterOrEqual", {padded, zero})},
                                          {{"to", {static_cast<int64_t>(OnnxGraph::Type::kFloat)}}});
    bag.mask = graph_.Apply("Unsqueeze", {mask, graph_.Constant({2}, {1})});
    if (layout_.spec().embedding.pooling == Pooling::kMean) {
      const std::string count =
          graph_.Apply("ReduceSum", {mask, graph_.Constant({1}, {1})}, {{"keepdims", {1}}});
      bag.count = graph_.Apply("Max", {count, graph_.Constant(1.0f)});
    }
    return bag;
  }

  std::string LookUp(int64_t index) {
    const Table& table = layout_.tables()[index];
    const Bag& bag = bags_[table.column];
    std::string rows = bag.ids;
    if (rows.empty()) {
      const std::string place = graph_.Constant({places_[table.column]}, {});
      rows = graph_.Apply("Gather", {ids_, place}, {{"axis", {1}}});
    }
    if (table.map == IdMap::kModulo) rows = graph_.Apply("Mod", {rows, graph_.Constant({table.divisor}, {})});
    if (table.map == IdMap::kQuotient)
      rows = graph_.Apply("Div", {rows, graph_.Constant({table.divisor}, {})});
    std::string values = graph_.Apply("Gather", {TableWeights(index), rows}, {{"axis", {0}}});
    if (bag.ids.empty()) return values;
    const std::string sum =
        graph_.Apply("ReduceSum", {graph_.Apply("Mul", {values, bag.mask}), graph_.Constant({1}, {1})},
                     {{"keepdims", {0}}});
    return bag.count.empty() ? sum : graph_.Apply("Div", {sum, bag.count});
  }

  std::string Vector(const Feature& feature) {
    const Table& table = layout_.tables()[feature.table];
    std::string first = LookUp(feature.table);
    if (feature.kind == Feature::Kind::kProjected) {
      return Gemm(first,
                  DenseWeights(absl::StrCat("projection", feature.table), {feature.width, table.width},
                               feature.projection),
                  "");
    }
    if (table.map != IdMap::kQuotient) return first;
    const std::string second = LookUp(feature.table + 1);
    if (feature.kind == Feature::Kind::kProduct) return graph_.Apply("Mul", {first, second});
    if (feature.kind == Feature::Kind::kSum) return graph_.Apply("Add", {first, second});
    return Concat({first, second});
  }

  std::string Dot(const std::string& x, const std::string& flat) {
    const int64_t features = layout_.features();
    const std::string t =
        graph_.Apply("Reshape", {flat, graph_.Constant({-1, features, layout_.dim()}, {3})});
    const std::string transposed = graph_.Apply("Transpose", {t}, {{"perm", {0, 2, 1}, true}});
    std::string z = graph_.Apply("MatMul", {t, transposed});
    std::vector<int64_t> places;
    for (int64_t i = 0; i < features; ++i) {
      for (int64_t j = 0; j < i + (layout_.dot().self ? 1 : 0); ++j) places.push_back(i * features + j);
    }
    if (places.empty()) return x;
    z = graph_.Apply("Reshape", {z, graph_.Constant({-1, features * features}, {2})});
    const auto count = static_cast<int64_t>(places.size());
    return Concat({x, graph_.Apply("Gather", {z, graph_.Constant(places, {count})}, {{"axis", {1}}})});
  }

  std::string Cross(size_t index, const std::string& x0, const std::string& x) {
    const CrossLayer& layer = layout_.cross()[index];
    const std::string name = absl::StrCat("cross", index);
    std::string z = x;
    if (layer.rank > 0)
      z = Gemm(z, DenseWeights(name + "_inner", {layer.rank, layer.width}, layer.inner), "");
    const int64_t in = layer.rank > 0 ? layer.rank : layer.width;
    z = Gemm(z, DenseWeights(name + "_outer", {layer.width, in}, layer.outer),
             DenseWeights(name + "_bias", {layer.width}, layer.bias));
    return graph_.Apply("Add", {graph_.Apply("Mul", {x0, z}), x});
  }

  std::string Factorization(const std::string& flat) {
    const FactorizationTerm term = layout_.factorization();
    std::string v = flat;
    if (term.begin > 0) {
      v = graph_.Apply("Slice", {v, graph_.Constant({term.begin}, {1}), graph_.Constant({term.stride}, {1}),
                                 graph_.Constant({1}, {1})});
    }
    v = graph_.Apply("Reshape", {v, graph_.Constant({-1, term.vectors, term.dim}, {3})});
    const auto sum = [&](const std::string& values, int64_t keep) {
      return graph_.Apply("ReduceSum", {values, graph_.Constant({1}, {1})}, {{"keepdims", {keep}}});
    };
    const std::string total = sum(v, 0);
    const std::string twice =
        graph_.Apply("Sub", {graph_.Apply("Mul", {total, total}), sum(graph_.Apply("Mul", {v, v}), 0)});
    return graph_.Apply("Mul", {sum(twice, 1), graph_.Constant(0.5f)});
  }

  void AddWide(Values& terms) {
    const WidePart& wide = layout_.wide();
    const std::string bias = DenseWeights("wide_bias", {1}, wide.bias);
    terms.push_back(
        wide.dense_columns == 0
            ? bias
            : Gemm(dense_, DenseWeights("wide_weights", {1, wide.dense_columns}, wide.weights), bias));
    for (auto t = layout_.plan().wide_begin; t < static_cast<int64_t>(layout_.tables().size()); ++t)
      terms.push_back(LookUp(t));
  }

  const DlrmLayout& layout_;
  const std::string file_;
  const int64_t begin_;
  OnnxGraph graph_;
  std::string dense_, ids_;      // empty where the model has none
  std::vector<int64_t> places_;  // by column: its place in ids_, or kBag
  std::vector<Bag> bags_;        // by column; empty where it has one value a row
};

}  // namespace

std::string OnnxModel(const DlrmLayout& layout, const std::string& weights_file, int64_t weights_begin) {
  return Exporter(layout, weights_file, weights_begin).Run();
}

}  // namespace sda::trainer
