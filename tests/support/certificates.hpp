// SPDX-License-Identifier: MIT
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

namespace test {

/// A certificate and its private key, as PEM.
struct identity {
  std::string certificate;
  std::string key;
};

struct certificate_subject {
  std::string common_name = "test";
  std::string alternative_names = "DNS:localhost,IP:127.0.0.1,IP:::1,DNS:another.example";  ///< may be empty
  long valid_from = -3600;  ///< seconds from now
  long valid_until = 86400;
};

namespace detail {

template <class T, void (*Free)(T*)>
struct freed {
  void operator()(T* object) const noexcept { Free(object); }
};
using key_ptr = std::unique_ptr<EVP_PKEY, freed<EVP_PKEY, EVP_PKEY_free>>;
using x509_ptr = std::unique_ptr<X509, freed<X509, X509_free>>;

inline void require(bool done) {
  if (!done) std::abort();  // OpenSSL cannot make a certificate: nothing can be tested
}

template <class Write>
std::string pem_of(Write write) {
  BIO* const memory = BIO_new(BIO_s_mem());
  require(memory != nullptr && write(memory) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(memory, &text);
  std::string pem(text, static_cast<std::size_t>(size));
  BIO_free(memory);
  return pem;
}

inline void add_extension(X509& certificate, X509& issuer, int id, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, &issuer, &certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
  require(extension != nullptr && X509_add_ext(&certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

inline x509_ptr make_certificate(const certificate_subject& subject, EVP_PKEY& key) {
  static long serial = 0;
  x509_ptr made(X509_new());
  X509_set_version(made.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), subject.valid_from);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), subject.valid_until);
  X509_set_pubkey(made.get(), &key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(subject.common_name.c_str()), -1, -1, 0);
  return made;
}

inline std::string pem(X509& certificate) {
  return pem_of([&](BIO* out) { return PEM_write_bio_X509(out, &certificate); });
}

}  // namespace detail

/// A certificate authority that exists for one test.
class certificate_authority {
 public:
  explicit certificate_authority(std::string name = "test authority") : key_(EVP_EC_gen("P-256")) {
    certificate_ = detail::make_certificate({.common_name = std::move(name)}, *key_);
    X509_set_issuer_name(certificate_.get(), X509_get_subject_name(certificate_.get()));
    detail::add_extension(*certificate_, *certificate_, NID_basic_constraints, "critical,CA:TRUE");
    detail::add_extension(*certificate_, *certificate_, NID_key_usage, "critical,keyCertSign");
    detail::require(X509_sign(certificate_.get(), key_.get(), EVP_sha256()) != 0);
  }

  std::string pem() const { return detail::pem(*certificate_); }

  identity issue(const certificate_subject& subject = {}) const {
    const detail::key_ptr key(EVP_EC_gen("P-256"));
    const auto made = detail::make_certificate(subject, *key);
    X509_set_issuer_name(made.get(), X509_get_subject_name(certificate_.get()));
    if (!subject.alternative_names.empty())
      detail::add_extension(*made, *certificate_, NID_subject_alt_name, subject.alternative_names);
    detail::require(X509_sign(made.get(), key_.get(), EVP_sha256()) != 0);
    return {detail::pem(*made), detail::pem_of([&](BIO* out) {
              return PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
            })};
  }

 private:
  detail::key_ptr key_;
  detail::x509_ptr certificate_;
};

}  // namespace test
