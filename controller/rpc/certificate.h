// SPDX-License-Identifier: Apache-2.0
// Certificates of the server's own authority: making, issuing, reading (L2, OpenSSL; no files, no
// clock). PEM texts in and out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/ip.h"
#include "controller/base/result.h"
#include "controller/core/topology/registration.h"

namespace kernmesh::rpc {

struct KeyAndCertificate {
  std::string key_pem;  // PKCS#8
  std::string certificate_pem;
};

// Every server certificate carries this name, whatever the machine is called; clients override the
// name they expect with it, because they verify by the authority's fingerprint.
inline constexpr std::string_view kServerName = "kernmesh";

// The common name of an authority of our own, by which a client knows that kServerName is expected.
inline constexpr std::string_view kAuthorityName = "kernmesh authority";

// A self-signed authority: ECDSA P-256, ten years, may sign end certificates only. Valid from a day
// before `now`, so that a client whose clock is somewhat behind can join.
Result<KeyAndCertificate> make_authority(WallTime now);

struct ServerNames {
  std::vector<std::string> dns;  // kServerName is added
  std::vector<IpAddress> addresses;
};
// A server certificate with a fresh key, valid for one year and never longer than the authority.
Result<KeyAndCertificate> issue_server_certificate(const KeyAndCertificate& authority,
                                                   const ServerNames& names, WallTime now);

struct CertificateFacts {
  topology::CaFingerprint fingerprint{};
  WallTime not_before{};
  WallTime not_after{};
  std::vector<std::string> names;  // DNS names and addresses in text form, sorted
};
// Of every certificate in the text, in its order; kCorrupt when there is none or one is broken.
Result<std::vector<CertificateFacts>> read_certificates(std::string_view pem);

// Whether the first certificate is an authority that make_authority() made.
bool is_own_authority(std::string_view pem);

// Whether the chain's first certificate is for this DNS name or address (RFC 6125, wildcards too).
// kUnauthenticated says which names it is for.
Status check_host(std::string_view chain_pem, const std::string& host);

// kInvalid when the first certificate of the chain does not belong to the key.
Status check_key_belongs(std::string_view chain_pem, std::string_view key_pem);

// "2026-11-21 05:40:30 UTC"
std::string format_time(WallTime time);

}  // namespace kernmesh::rpc
