#ifndef SDA_COMMON_BASE_SHA256_H_
#define SDA_COMMON_BASE_SHA256_H_

#include <memory>
#include <string>
#include <string_view>

namespace sda {

// Incremental SHA-256. Not thread-safe; Update must not follow HexDigest.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void Update(std::string_view bytes);

  // 64 lower-case hexadecimal digits of everything given so far. Call once.
  std::string HexDigest();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// 64 lower-case hexadecimal digits.
std::string Sha256Hex(std::string_view bytes);

}  // namespace sda

#endif  // SDA_COMMON_BASE_SHA256_H_
