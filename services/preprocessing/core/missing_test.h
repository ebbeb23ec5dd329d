#ifndef SDA_SERVICES_PREPROCESSING_CORE_MISSING_TEST_H_
#define SDA_SERVICES_PREPROCESSING_CORE_MISSING_TEST_H_

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sda::preprocessing {

// Tells which fields mean "missing": the empty one and those equal to a token.
class MissingTest {
 public:
  explicit MissingTest(std::vector<std::string> tokens) : tokens_(std::move(tokens)) {
    for (const std::string& token : tokens_) longest_ = std::max(longest_, token.size());
  }

  bool operator()(std::string_view field) const {
    if (field.empty()) return true;
    return field.size() <= longest_ && std::find(tokens_.begin(), tokens_.end(), field) != tokens_.end();
  }

 private:
  std::vector<std::string> tokens_;
  size_t longest_ = 0;
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_MISSING_TEST_H_
