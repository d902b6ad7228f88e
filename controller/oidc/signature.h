// SPDX-License-Identifier: Apache-2.0
// Whether a token was signed with a key (L2 for OpenSSL, otherwise pure).
#pragma once

#include "controller/base/result.h"
#include "controller/core/signin/key_set.h"

namespace kernmesh::oidc {

// RS256, PS256 (salt as long as the hash), ES256 (RFC 7518 section 3) and EdDSA with Ed25519 (RFC
// 8037). kUnauthenticated when the signature does not verify; kInvalid when the key is of another
// kind than the token's algorithm, or none at all, as a point that is not on the curve.
Status verify_signature(const signin::Jws& token, const signin::VerificationKey& key);

}  // namespace kernmesh::oidc
