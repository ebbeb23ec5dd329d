#ifndef SDA_COMMON_TESTING_CERTIFICATES_H_
#define SDA_COMMON_TESTING_CERTIFICATES_H_

#include <memory>
#include <string>

namespace sda::testing {

struct KeyAndCertificate {
  std::string key;          // PEM
  std::string certificate;  // PEM
};

// An issuer of certificates made on the spot, valid for a day, for tests of TLS.
class TestAuthority {
 public:
  explicit TestAuthority(const std::string& name = "sda test authority");
  ~TestAuthority();
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  // The authority's own certificate, PEM.
  const std::string& certificate() const;

  // A certificate for `common_name`, also valid for the names "localhost" and 127.0.0.1.
  KeyAndCertificate Issue(const std::string& common_name) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sda::testing

#endif  // SDA_COMMON_TESTING_CERTIFICATES_H_
