#ifndef SDA_COMMON_TESTING_TEMP_DIR_H_
#define SDA_COMMON_TESTING_TEMP_DIR_H_

#include <string>
#include <string_view>

namespace sda::testing {

// A new, empty folder that goes with everything in it when this does.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }

  // path()/name.
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

  // Writes a file and returns its path.
  std::string Write(std::string_view name, std::string_view content) const;

 private:
  std::string path_;
};

// The content of a file; the empty text when it cannot be read.
std::string ReadFile(const std::string& path);

}  // namespace sda::testing

#endif  // SDA_COMMON_TESTING_TEMP_DIR_H_
