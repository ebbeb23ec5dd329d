#ifndef SDA_SERVICES_PREPROCESSING_CORE_TESTING_H_
#define SDA_SERVICES_PREPROCESSING_CORE_TESTING_H_

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <unistd.h>

// What the tests of preprocessing share.
namespace sda::preprocessing::testing {

// A folder that lives as long as the object.
class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sda-prep-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  std::string path() const { return path_.string(); }

  // Writes a file and returns its path; folders in `name` are made.
  std::string Write(const std::string& name, std::string_view text) const {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    return file.string();
  }

 private:
  std::filesystem::path path_;
};

inline std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// A file of the real data sets, or nothing where they are not there.
inline std::optional<std::string> RealData(const std::string& name) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets variables
  const char* folder = std::getenv("SDA_TEST_DATA");
  if (folder == nullptr) return std::nullopt;
  const std::filesystem::path file = std::filesystem::path(folder) / name;
  if (!std::filesystem::exists(file)) return std::nullopt;
  return file.string();
}

}  // namespace sda::preprocessing::testing

// Defines `variable` as the path of a real data file or skips the test.
#define SDA_REAL_DATA_OR_SKIP(variable, name)                                      \
  const auto variable##_found = ::sda::preprocessing::testing::RealData(name);     \
  if (!variable##_found) GTEST_SKIP() << "SDA_TEST_DATA does not hold " << (name); \
  const std::string& variable = *variable##_found

#endif  // SDA_SERVICES_PREPROCESSING_CORE_TESTING_H_
