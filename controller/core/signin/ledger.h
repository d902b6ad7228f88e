// SPDX-License-Identifier: Apache-2.0
// Sign-ins under way (L1, pure): who waits, which answer of the provider belongs to whom, and who
// was let in. Bounded in number and in time; every secret in it is given from outside, is of use
// once, and is kept as its hash where it only needs to be recognised.
#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "controller/base/clock.h"
#include "controller/base/key.h"
#include "controller/base/result.h"
#include "controller/core/signin/claims.h"
#include "controller/core/signin/stage.h"

namespace kernmesh::signin {

// For a person to find the page, a browser, a password and a second factor.
inline constexpr auto kSignInLifetime = std::chrono::minutes(10);
// How long what has ended is remembered, so that the agent hears of it.
inline constexpr auto kEndedLifetime = std::chrono::minutes(2);
// All of them: some 2 KiB each.
inline constexpr std::size_t kMostSignIns = 1024;
// Pending ones of one address: an office behind one NAT that sets up its machines on one day.
inline constexpr std::size_t kMostOfSource = 32;

// The machine that waits. It has proved that it has the machine key.
struct Newcomer {
  MachinePublicKey machine_key;
  NodePublicKey node_key;
  std::string hostname;  // as it says itself, printable
  std::string source;    // the address that it came from, or the /64 of an IPv6 address
  bool operator==(const Newcomer&) const = default;
};

// Names a sign-in inside this process; never given to anybody.
enum class SignInId : std::uint64_t {};

// What was sent to the provider for a sign-in, and to which browser. All random.
struct Attempt {
  std::string state;
  std::string nonce;
  std::string verifier;
  std::string browser;  // the cookie of the browser that was sent there
};

struct Outcome {
  Stage stage = Stage::kPending;
  std::string reason;  // kDenied: in words for people
};

class Ledger {
 public:
  // The agent shows `handle` to ask how far it is; a person types or follows `user_code`. A
  // machine's new sign-in takes the place of its old one. kExhausted when too many wait.
  struct Opening {
    Newcomer newcomer;
    std::string_view handle;
    std::string user_code;
  };
  Result<SignInId> open(Opening opening, MonoTime now);

  // kNotFound for a code, handle or state that is nobody's, or not any more.
  struct Found {
    SignInId id{};
    Newcomer newcomer;
    Outcome outcome;
  };
  Result<Found> find_by_code(std::string_view user_code, MonoTime now);
  Result<Outcome> find_by_handle(std::string_view handle, MonoTime now);

  // The person goes on to the provider; an attempt of before counts no more. kConflict when it is
  // not pending.
  Status begin(SignInId id, Attempt attempt, MonoTime now);
  // The provider's answer has come back with this state; the attempt is gone afterwards, whatever
  // comes of it. kPermissionDenied when it is another browser that brings it.
  struct Redeemed {
    Found found;
    std::string nonce;
    std::string verifier;
  };
  Result<Redeemed> redeem(std::string_view state, std::string_view browser, MonoTime now);

  // kConflict when it was not pending any more, kNotFound when it is gone.
  Status authorize(SignInId id, Identity identity, MonoTime now);
  Status deny(SignInId id, std::string reason, MonoTime now);
  // As if it had never been: nobody was told of it. Also when it is gone.
  void withdraw(SignInId id) { sign_ins_.erase(id); }

  // Who has signed in for exactly these keys, and has not been let in by it yet; and that he has
  // been. kNotFound otherwise.
  Result<Identity> find_admission(const MachinePublicKey& machine, const NodePublicKey& node,
                                  MonoTime now);
  Status consume(const MachinePublicKey& machine, const NodePublicKey& node, MonoTime now);

  std::size_t size() const { return sign_ins_.size(); }

 private:
  using Digest = std::array<std::uint8_t, 32>;
  struct SignIn {
    Newcomer newcomer;
    Digest handle{};
    std::string user_code;
    Stage stage = Stage::kPending;
    std::string reason;
    std::optional<Attempt> attempt;
    std::optional<Identity> identity;
    MonoTime until;  // pending and authorized: lapses then; ended: forgotten then
  };
  using Map = std::map<SignInId, SignIn>;

  static Digest digest(std::string_view secret);
  template <typename Predicate>
  Result<Map::iterator> find(const Predicate& predicate, MonoTime now);
  Status move(SignIn& sign_in, StageEvent event, MonoTime now);
  Status make_room(const std::string& source);
  // Lets lapse and forgets what is over.
  void sweep(MonoTime now);
  static Found found(SignInId id, const SignIn& sign_in);

  Map sign_ins_;
  std::uint64_t last_id_ = 0;
};

// Twelve letters that are hard to confuse (RFC 8628 section 6.1), as "BCDF-GHJK-LMNP". Of 4e15 that
// there are, a thousand guesses a second for as long as a code lives find one of kMostSignIns with
// a probability of 2e-7, so that guesses need not be counted, by which a stranger could lock
// everybody out.
inline constexpr std::size_t kUserCodeLetters = 12;
std::string to_user_code(const std::array<std::uint8_t, kUserCodeLetters>& random);
// As somebody has typed it: without case, blanks and hyphens. Empty when it cannot be one.
std::string normalise_user_code(std::string_view typed);

}  // namespace kernmesh::signin
