#include "common/pipeline/definition.h"

#include <utility>

namespace sda::pipeline {
namespace {

template <size_t... I>
std::vector<std::string> Names(std::index_sequence<I...>) {
  return {std::variant_alternative_t<I, Operation>::kName...};
}

template <size_t... I>
std::optional<Operation> ByName(std::string_view name, std::index_sequence<I...>) {
  std::optional<Operation> found;
  const auto match = [&]<size_t J>() {
    using Option = std::variant_alternative_t<J, Operation>;
    if (name == Option::kName) found = Option{};
  };
  (match.template operator()<I>(), ...);
  return found;
}

constexpr auto kAll = std::make_index_sequence<std::variant_size_v<Operation>>();

}  // namespace

const char* OperationName(const Operation& operation) {
  return std::visit([](const auto& options) { return std::decay_t<decltype(options)>::kName; }, operation);
}

const std::vector<std::string>& OperationNames() {
  static const auto* const names = new std::vector<std::string>(Names(kAll));
  return *names;
}

std::optional<Operation> OperationByName(std::string_view name) {
  return ByName(name, kAll);
}

}  // namespace sda::pipeline
