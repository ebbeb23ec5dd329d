#ifndef SDA_SERVICES_PREPROCESSING_CORE_MISSING_TEST_H_
#define SDA_SERVICES_PREPROCESSING_CORE_MISSING_TEST_H_

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sda::preprocessing {

// Tells which fields mean "missing": the empty one and those equal to a token.
class MissingTest {
 public:
  explicit MissingTest(std::vector<std::string> tokens) : tokens_(std::move(tokens)) {
    for (const std::string& token : tokens_) {
      longest_ = std::max(longest_, token.size());
      if (!token.empty()) begins_token_[static_cast<unsigned char>(token.front())] = true;
    }
  }

  bool operator()(std::string_view field) const {
    if (field.empty()) return true;
    // Nearly every field ends here, without a comparison of strings.
    if (field.size() > longest_ || !begins_token_[static_cast<unsigned char>(field.front())]) return false;
    return std::find(tokens_.begin(), tokens_.end(), field) != tokens_.end();
  }

 private:
  std::vector<std::string> tokens_;
  size_t longest_ = 0;
  std::array<bool, 256> begins_token_{};
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_MISSING_TEST_H_
