#include "common/testing/certificates.h"

#include <cstdlib>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

namespace sda::testing {
namespace {

struct Free {
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(BIO* p) const { BIO_free(p); }
  void operator()(X509_EXTENSION* p) const { X509_EXTENSION_free(p); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Certificate = std::unique_ptr<X509, Free>;

template <class Writer>
std::string ToPem(Writer write) {
  std::unique_ptr<BIO, Free> bio(BIO_new(BIO_s_mem()));
  if (write(bio.get()) != 1) std::abort();
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

void AddExtension(X509* certificate, X509* issuer, int id, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  std::unique_ptr<X509_EXTENSION, Free> extension(X509V3_EXT_conf_nid(nullptr, &context, id, value));
  if (!extension || X509_add_ext(certificate, extension.get(), -1) != 1) std::abort();
}

Certificate MakeCertificate(EVP_PKEY* key, const std::string& common_name, X509* issuer,
                            EVP_PKEY* issuer_key) {
  Certificate certificate(X509_new());
  X509* x = certificate.get();
  X509_set_version(x, 2);  // X.509 v3
  uint64_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof(serial));
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1);
  X509_gmtime_adj(X509_getm_notBefore(x), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x), 86400);
  X509_set_pubkey(x, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
  const bool self_signed = issuer == nullptr;
  if (self_signed) issuer = x;
  X509_set_issuer_name(x, X509_get_subject_name(issuer));
  if (self_signed) {
    AddExtension(x, issuer, NID_basic_constraints, "critical,CA:TRUE");
  } else {
    AddExtension(x, issuer, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
  }
  if (X509_sign(x, issuer_key, EVP_sha256()) == 0) std::abort();
  return certificate;
}

}  // namespace

struct TestAuthority::State {
  Key key{EVP_EC_gen("P-256")};
  Certificate certificate;
  std::string pem;
};

TestAuthority::TestAuthority(const std::string& name) : state_(std::make_unique<State>()) {
  state_->certificate = MakeCertificate(state_->key.get(), name, nullptr, state_->key.get());
  state_->pem = ToPem([&](BIO* bio) { return PEM_write_bio_X509(bio, state_->certificate.get()); });
}

TestAuthority::~TestAuthority() = default;

const std::string& TestAuthority::certificate() const {
  return state_->pem;
}

KeyAndCertificate TestAuthority::Issue(const std::string& common_name) const {
  Key key(EVP_EC_gen("P-256"));
  Certificate certificate =
      MakeCertificate(key.get(), common_name, state_->certificate.get(), state_->key.get());
  return {.key = ToPem([&](BIO* bio) {
            return PEM_write_bio_PKCS8PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          }),
          .certificate = ToPem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate.get()); })};
}

}  // namespace sda::testing
