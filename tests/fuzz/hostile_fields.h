#ifndef SDA_TESTS_FUZZ_HOSTILE_FIELDS_H_
#define SDA_TESTS_FUZZ_HOSTILE_FIELDS_H_

#include <functional>
#include <string>
#include <vector>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

namespace sda::fuzz {

// One way to spoil one field of a message of one type.
struct Mutation {
  std::string path;  // as errors name it: "experiment.metrics[0].threshold"
  std::string kind;  // "NaN", "unknown enum", …
  // Whether no server may accept it, whatever the field means.
  bool always_bad = false;
  std::function<void(google::protobuf::Message&)> apply = {};
};

// All ways to spoil messages of the type, found by walking its descriptor, lists by their first entry:
// numbers that are not finite, the largest and smallest integers, negative ones, enum values that nobody
// declared, empty and very long strings, a list with one entry twice, a list with very many entries.
std::vector<Mutation> Mutations(const google::protobuf::Descriptor& descriptor);

// Stands in every long string.
extern const char kMarker[];

}  // namespace sda::fuzz

#endif  // SDA_TESTS_FUZZ_HOSTILE_FIELDS_H_
