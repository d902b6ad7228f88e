// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/certificate.h"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "controller/rpc/openssl.h"

namespace kernmesh::rpc {
namespace {

using std::chrono::days;

constexpr auto kAuthorityLifetime = days(3653);
constexpr auto kServerLifetime = days(365);
constexpr auto kBackdate = days(1);

Result<UniqueKey> make_key() {
  UniqueKey key(EVP_EC_gen("P-256"));
  if (!key) return openssl_error("make an ECDSA P-256 key");
  return key;
}

Result<std::string> take_text(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  if (size <= 0) return openssl_error("write PEM");
  return std::string(data, static_cast<std::size_t>(size));
}

Result<std::string> key_to_pem(EVP_PKEY* key) {
  UniqueBio bio(BIO_new(BIO_s_secmem()));
  if (!bio ||
      PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return openssl_error("write a private key");
  }
  return take_text(bio.get());
}

Result<std::string> certificate_to_pem(X509* certificate) {
  UniqueBio bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_X509(bio.get(), certificate) != 1) {
    return openssl_error("write a certificate");
  }
  return take_text(bio.get());
}

Result<UniqueKey> key_from_pem(std::string_view pem) {
  UniqueBio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  UniqueKey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  if (!key) {
    return Error(ErrorCode::kCorrupt, openssl_error("read the private key").message());
  }
  return key;
}

Result<std::vector<UniqueX509>> chain_from_pem(std::string_view pem) {
  UniqueBio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  std::vector<UniqueX509> chain;
  while (UniqueX509 certificate{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    chain.push_back(std::move(certificate));
  }
  const unsigned long last = ERR_peek_last_error();
  const bool at_end = ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
  if (chain.empty() || !at_end) {
    return Error(ErrorCode::kCorrupt, openssl_error("read certificates").message());
  }
  ERR_clear_error();
  return chain;
}

Status add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  UniqueExtension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  if (!extension || X509_add_ext(certificate, extension.get(), -1) != 1) {
    return openssl_error("add the certificate extension " + value);
  }
  return {};
}

struct Validity {
  WallTime from;
  WallTime until;
};

// Version 3, random serial number (RFC 5280 4.1.2.2: positive, at most 20 bytes), subject, key.
Result<UniqueX509> draft(EVP_PKEY* key, std::string_view common_name, const Validity& validity) {
  UniqueX509 certificate(X509_new());
  std::array<std::uint8_t, 16> serial{};
  if (!certificate || RAND_bytes(serial.data(), serial.size()) != 1) {
    return openssl_error("start a certificate");
  }
  serial[0] = (serial[0] & 0x7f) | 0x40;
  BIGNUM* number = BN_bin2bn(serial.data(), serial.size(), nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.get()));
  BN_free(number);
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), validity.from.time_since_epoch().count());
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), validity.until.time_since_epoch().count());
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.data()),
                             static_cast<int>(common_name.size()), -1, 0);
  if (X509_set_pubkey(certificate.get(), key) != 1) return openssl_error("set a certificate's key");
  return certificate;
}

Result<KeyAndCertificate> sign_and_export(X509* certificate, EVP_PKEY* own, EVP_PKEY* signer) {
  if (X509_sign(certificate, signer, EVP_sha256()) == 0) return openssl_error("sign a certificate");
  KeyAndCertificate result;
  MESH_TRY_ASSIGN(result.key_pem, key_to_pem(own));
  MESH_TRY_ASSIGN(result.certificate_pem, certificate_to_pem(certificate));
  return result;
}

std::string alternative_names(const ServerNames& names) {
  std::string text = "DNS:" + std::string(kServerName);
  for (const auto& name : names.dns) {
    // A comma or colon would be read as another entry; no host name has one.
    if (!name.empty() && name.find_first_of(",:\n") == std::string::npos && name != kServerName) {
      text += ",DNS:" + name;
    }
  }
  for (const auto& address : names.addresses) text += ",IP:" + to_string(address);
  return text;
}

Result<WallTime> time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return openssl_error("read a certificate's time");
  return WallTime(std::chrono::seconds(timegm(&parts)));
}

std::vector<std::string> names_of(X509* certificate) {
  std::vector<std::string> names;
  auto* list = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(list); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(list, i);
    if (name->type == GEN_DNS) {
      names.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                         ASN1_STRING_length(name->d.dNSName));
    } else if (name->type == GEN_IPADD) {
      const auto* data = ASN1_STRING_get0_data(name->d.iPAddress);
      std::array<std::uint8_t, 16> bytes{};
      const int size = std::min(ASN1_STRING_length(name->d.iPAddress), 16);
      std::copy_n(data, size, bytes.begin());
      names.push_back(
          to_string(size == 4 ? IpAddress::from_v4_bytes({bytes[0], bytes[1], bytes[2], bytes[3]})
                              : IpAddress::from_v6_bytes(bytes)));
    }
  }
  GENERAL_NAMES_free(list);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

Result<KeyAndCertificate> make_authority(WallTime now) {
  MESH_TRY_ASSIGN(auto key, make_key());
  MESH_TRY_ASSIGN(auto certificate, draft(key.get(), std::string(kAuthorityName),
                                          {now - kBackdate, now + kAuthorityLifetime}));
  X509* ca = certificate.get();
  if (X509_set_issuer_name(ca, X509_get_subject_name(ca)) != 1) {
    return openssl_error("set a certificate's issuer");
  }
  MESH_TRY(add_extension(ca, ca, NID_basic_constraints, "critical,CA:TRUE,pathlen:0"));
  MESH_TRY(add_extension(ca, ca, NID_key_usage, "critical,keyCertSign,cRLSign"));
  MESH_TRY(add_extension(ca, ca, NID_subject_key_identifier, "hash"));
  return sign_and_export(ca, key.get(), key.get());
}

Result<KeyAndCertificate> issue_server_certificate(const KeyAndCertificate& authority,
                                                   const ServerNames& names, WallTime now) {
  MESH_TRY_ASSIGN(auto ca_key, key_from_pem(authority.key_pem));
  MESH_TRY_ASSIGN(auto ca_chain, chain_from_pem(authority.certificate_pem));
  X509* ca = ca_chain.front().get();
  MESH_TRY_ASSIGN(const auto ca_from, time_of(X509_get0_notBefore(ca)));
  MESH_TRY_ASSIGN(const auto ca_until, time_of(X509_get0_notAfter(ca)));
  MESH_TRY_ASSIGN(auto key, make_key());
  const Validity validity{std::max<WallTime>(now - kBackdate, ca_from),
                          std::min<WallTime>(now + kServerLifetime, ca_until)};
  MESH_TRY_ASSIGN(auto certificate, draft(key.get(), kServerName, validity));
  X509* server = certificate.get();
  if (X509_set_issuer_name(server, X509_get_subject_name(ca)) != 1) {
    return openssl_error("set a certificate's issuer");
  }
  MESH_TRY(add_extension(server, ca, NID_basic_constraints, "critical,CA:FALSE"));
  MESH_TRY(add_extension(server, ca, NID_key_usage, "critical,digitalSignature"));
  MESH_TRY(add_extension(server, ca, NID_ext_key_usage, "serverAuth"));
  MESH_TRY(add_extension(server, ca, NID_authority_key_identifier, "keyid"));
  MESH_TRY(add_extension(server, ca, NID_subject_alt_name, alternative_names(names)));
  return sign_and_export(server, key.get(), ca_key.get());
}

Result<std::vector<CertificateFacts>> read_certificates(std::string_view pem) {
  MESH_TRY_ASSIGN(auto chain, chain_from_pem(pem));
  std::vector<CertificateFacts> all;
  for (const auto& certificate : chain) {
    CertificateFacts facts;
    unsigned int size = 0;
    if (X509_digest(certificate.get(), EVP_sha256(), facts.fingerprint.data(), &size) != 1) {
      return openssl_error("fingerprint a certificate");
    }
    MESH_TRY_ASSIGN(facts.not_before, time_of(X509_get0_notBefore(certificate.get())));
    MESH_TRY_ASSIGN(facts.not_after, time_of(X509_get0_notAfter(certificate.get())));
    facts.names = names_of(certificate.get());
    all.push_back(std::move(facts));
  }
  return all;
}

bool is_own_authority(std::string_view pem) {
  const auto chain = chain_from_pem(pem);
  if (!chain) return false;
  std::array<char, 64> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(chain->front().get()), NID_commonName,
                            name.data(), static_cast<int>(name.size()));
  return std::string_view(name.data()) == kAuthorityName;
}

Status check_host(std::string_view chain_pem, const std::string& host) {
  MESH_TRY_ASSIGN(auto chain, chain_from_pem(chain_pem));
  X509* server = chain.front().get();
  const bool holds = IpAddress::parse(host)
                         ? X509_check_ip_asc(server, host.c_str(), 0) == 1
                         : X509_check_host(server, host.data(), host.size(), 0, nullptr) == 1;
  ERR_clear_error();
  if (holds) return {};
  std::string names;
  for (const auto& name : names_of(server)) names += (names.empty() ? "" : ", ") + name;
  return Error(ErrorCode::kUnauthenticated,
               "the server's certificate is not for " + host + " but for " +
                   (names.empty() ? "no name at all" : names) +
                   ": use one of its names, or have it issued for this one too");
}

Status check_key_belongs(std::string_view chain_pem, std::string_view key_pem) {
  MESH_TRY_ASSIGN(auto chain, chain_from_pem(chain_pem));
  MESH_TRY_ASSIGN(auto key, key_from_pem(key_pem));
  if (X509_check_private_key(chain.front().get(), key.get()) != 1) {
    ERR_clear_error();
    return Error(ErrorCode::kInvalid, "the private key does not belong to the first certificate");
  }
  return {};
}

std::string format_time(WallTime time) {
  const std::time_t seconds = time.time_since_epoch().count();
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
  return text;
}

}  // namespace kernmesh::rpc
