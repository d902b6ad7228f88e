// SPDX-License-Identifier: Apache-2.0
// Trust from a fingerprint, or from the system's roots (L2, OpenSSL and one TCP connection,
// blocking). Somebody who holds a join key knows the SHA-256 of the server's authority and nothing
// else; somebody who signs in may know the server's name alone.
#pragma once

#include <string>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/core/topology/registration.h"

namespace kernmesh::rpc {

// Connects to "HOST:PORT" by TLS, looks in the presented chain for the certificate with the
// fingerprint, verifies the server's certificate with that one as the only trust anchor, and
// returns it as PEM, to be the root of a gRPC channel (which expects kServerName of our own).
// Nothing is sent. Errors: kUnauthenticated when the fingerprint is not in the chain (names both)
// or the chain does not verify, or when the authority is none of ours and the certificate is for
// other names than HOST; kExpired when a certificate is not valid now (names its dates and our
// clock); kUnavailable when refused, unreachable, timed out or not TLS; kInvalid for a malformed
// address.
Result<std::string> fetch_ca_pem(const std::string& host_port,
                                 const topology::CaFingerprint& fingerprint, Duration timeout);

// The same without a fingerprint: the system's roots (OpenSSL's, SSL_CERT_FILE and SSL_CERT_DIR
// count) must vouch for the chain, and it must be for HOST. Returns the chain's last certificate,
// which is what the server takes for its authority too. kUnauthenticated when they do not.
Result<std::string> fetch_trusted_ca_pem(const std::string& host_port, Duration timeout);

// The part without a connection: `chain_pem` as presented, first the server's own certificate.
Result<std::string> find_pinned_ca(const std::string& chain_pem,
                                   const topology::CaFingerprint& fingerprint, WallTime now);

Result<std::string> find_trusted_ca(const std::string& chain_pem, const std::string& host,
                                    WallTime now);

}  // namespace kernmesh::rpc
