// SPDX-License-Identifier: Apache-2.0
// Nonces and session tokens that authenticate themselves (L3, pure but for the key). Nothing is
// remembered for them, so every server with the store's secret can verify what another one gave
// out.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "controller/base/clock.h"
#include "controller/base/ids.h"
#include "controller/base/key.h"
#include "controller/base/result.h"
#include "controller/core/relay/home.h"

namespace kernmesh::server {

// Long enough for a slow link and a clumsy scheduler, short enough that what must be remembered of
// used nonces stays small.
inline constexpr auto kNonceLifetime = std::chrono::seconds(60);
// An agent that was removed loses its calls at once whatever its token says; this bounds how long a
// stolen token is of use.
inline constexpr auto kSessionLifetime = std::chrono::hours(1);

using NonceSalt = std::array<std::uint8_t, 16>;
// time || salt || MAC(time, salt, machine key): 56 bytes.
std::string make_nonce(const SecretBytes<32>& secret, const MachinePublicKey& key, WallTime now,
                       const NonceSalt& salt);
// kUnauthenticated when it is not ours, not for this key, or older than kNonceLifetime.
Status check_nonce(const SecretBytes<32>& secret, std::string_view nonce,
                   const MachinePublicKey& key, WallTime now);

struct Session {
  NodeId node;
  MachinePublicKey machine_key;
  WallTime expires_at{};
};
// base64url of node || expiry || machine key || MAC.
std::string make_session_token(const SecretBytes<32>& secret, const Session& session);
// kUnauthenticated when it is not ours or has expired.
Result<Session> check_session_token(const SecretBytes<32>& secret, std::string_view token,
                                    WallTime now);

// The same for a relay. Neither is taken for the other: each is made under a label of its own.
struct RelaySession {
  relay::RelayId relay;
  MachinePublicKey machine_key;
  WallTime expires_at{};
};
std::string make_relay_token(const SecretBytes<32>& secret, const RelaySession& session);
Result<RelaySession> check_relay_token(const SecretBytes<32>& secret, std::string_view token,
                                       WallTime now);

}  // namespace kernmesh::server
