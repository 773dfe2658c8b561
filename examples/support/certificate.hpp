// SPDX-License-Identifier: MIT
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

namespace example {

/// A certificate and its private key, both PEM.
struct identity {
  std::string certificate;
  std::string key;
};

/// A certificate authority of one's own, made at start and never stored: whoever trusts `pem()` trusts
/// what it issues. Throws `std::runtime_error` if OpenSSL refuses.
class certificate_authority {
 public:
  certificate_authority()
      : key_(new_key()), certificate_(sign("asio-mcp example CA", key_.get(), nullptr, "CA:TRUE", "")) {}

  std::string pem() const {
    return to_pem([&](BIO* out) { return PEM_write_bio_X509(out, certificate_.get()); });
  }

  /// For `names` as OpenSSL writes a subjectAltName: `"DNS:localhost,IP:127.0.0.1"`.
  identity issue(const std::string& names) const {
    const key_ptr key = new_key();
    const certificate_ptr certificate =
        sign("asio-mcp example", key.get(), certificate_.get(), "CA:FALSE", names);
    const auto write_key = [&](BIO* out) {
      return PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    };
    return {to_pem([&](BIO* out) { return PEM_write_bio_X509(out, certificate.get()); }), to_pem(write_key)};
  }

 private:
  template <auto Free>
  struct deleter {
    void operator()(auto* object) const { Free(object); }
  };
  using key_ptr = std::unique_ptr<EVP_PKEY, deleter<EVP_PKEY_free>>;
  using certificate_ptr = std::unique_ptr<X509, deleter<X509_free>>;

  static void require(bool done) {
    if (!done) throw std::runtime_error("OpenSSL could not make a certificate");
  }

  static key_ptr new_key() {
    key_ptr made(EVP_EC_gen("P-256"));
    require(made != nullptr);
    return made;
  }

  template <class Write>
  static std::string to_pem(Write write) {
    const std::unique_ptr<BIO, deleter<BIO_free>> out(BIO_new(BIO_s_mem()));
    require(out != nullptr && write(out.get()) == 1);
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
  }

  // A null `issuer` makes it self-signed.
  certificate_ptr sign(const char* name, EVP_PKEY* subject_key, X509* issuer, const char* constraints,
                       const std::string& names) const {
    certificate_ptr made(X509_new());
    require(made != nullptr && X509_set_version(made.get(), X509_VERSION_3) == 1);
    if (issuer == nullptr) issuer = made.get();

    std::uint32_t serial = 0;
    require(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(made.get()), serial);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), 24 * 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    X509_set_issuer_name(made.get(), X509_get_subject_name(issuer));
    X509_set_pubkey(made.get(), subject_key);

    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, made.get(), nullptr, nullptr, 0);
    const auto extend = [&](int kind, const std::string& value) {
      X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
      require(extension != nullptr && X509_add_ext(made.get(), extension, -1) == 1);
      X509_EXTENSION_free(extension);
    };
    extend(NID_basic_constraints, std::string("critical,") + constraints);
    extend(NID_subject_key_identifier, "hash");
    if (names.empty()) {
      extend(NID_key_usage, "critical,keyCertSign,cRLSign");
    } else {
      extend(NID_authority_key_identifier, "keyid");
      extend(NID_subject_alt_name, names);
    }
    require(X509_sign(made.get(), key_.get(), EVP_sha256()) != 0);
    return made;
  }

  key_ptr key_;
  certificate_ptr certificate_;
};

}  // namespace example
