// SPDX-License-Identifier: Apache-2.0
#include "controller/core/signin/ledger.h"

#include <sodium.h>

#include <algorithm>

namespace kernmesh::signin {
namespace {

constexpr std::string_view kCodeLetters = "BCDFGHJKLMNPQRSTVWXZ";

bool is_over(Stage stage) { return stage != Stage::kPending && stage != Stage::kAuthorized; }

std::string in_groups(std::string_view letters) {
  std::string code(letters.substr(0, 4));
  for (std::size_t at = 4; at < letters.size(); at += 4) {
    code += "-" + std::string(letters.substr(at, 4));
  }
  return code;
}

Error unknown_sign_in() {
  return {ErrorCode::kNotFound, "there is no such sign-in, or it is over: start again"};
}

}  // namespace

Ledger::Digest Ledger::digest(std::string_view secret) {
  Digest out{};
  crypto_hash_sha256(out.data(), reinterpret_cast<const unsigned char*>(secret.data()),
                     secret.size());
  return out;
}

Ledger::Found Ledger::found(SignInId id, const SignIn& sign_in) {
  return {id, sign_in.newcomer, {sign_in.stage, sign_in.reason}};
}

void Ledger::sweep(MonoTime now) {
  for (auto& [id, sign_in] : sign_ins_) {
    if (now < sign_in.until || is_over(sign_in.stage)) continue;
    // From its end on, not from now on: whoever comes late finds what he would have found anyway.
    const MonoTime end = sign_in.until;
    static_cast<void>(move(sign_in, StageEvent::kLapse, end));
  }
  std::erase_if(sign_ins_, [&](const auto& entry) { return now >= entry.second.until; });
}

Status Ledger::move(SignIn& sign_in, StageEvent event, MonoTime now) {
  MESH_TRY_ASSIGN(sign_in.stage, next_stage(sign_in.stage, event));
  const bool is_waiting = !is_over(sign_in.stage);
  sign_in.until = now + (is_waiting ? Duration(kSignInLifetime) : Duration(kEndedLifetime));
  sign_in.attempt.reset();
  return {};
}

template <typename Predicate>
Result<Ledger::Map::iterator> Ledger::find(const Predicate& predicate, MonoTime now) {
  sweep(now);
  const auto it = std::find_if(sign_ins_.begin(), sign_ins_.end(),
                               [&](const auto& entry) { return predicate(entry.second); });
  if (it == sign_ins_.end()) return unknown_sign_in();
  return it;
}

Status Ledger::make_room(const std::string& source) {
  const auto of_source = std::count_if(sign_ins_.begin(), sign_ins_.end(), [&](const auto& entry) {
    return entry.second.stage == Stage::kPending && entry.second.newcomer.source == source;
  });
  if (static_cast<std::size_t>(of_source) >= kMostOfSource) {
    return Error(
        ErrorCode::kExhausted,
        "too many sign-ins from your address wait for somebody: try again in some minutes");
  }
  if (sign_ins_.size() < kMostSignIns) return {};
  const auto ended = std::find_if(sign_ins_.begin(), sign_ins_.end(),
                                  [](const auto& entry) { return is_over(entry.second.stage); });
  if (ended == sign_ins_.end()) {
    return Error(ErrorCode::kExhausted, "too many sign-ins wait: try again in some minutes");
  }
  sign_ins_.erase(ended);
  return {};
}

Result<SignInId> Ledger::open(Opening opening, MonoTime now) {
  sweep(now);
  std::erase_if(sign_ins_, [&](const auto& entry) {
    return entry.second.newcomer.machine_key == opening.newcomer.machine_key;
  });
  MESH_TRY(make_room(opening.newcomer.source));
  const bool taken = std::any_of(sign_ins_.begin(), sign_ins_.end(), [&](const auto& entry) {
    return entry.second.user_code == opening.user_code;
  });
  if (taken) return Error(ErrorCode::kConflict, "this code is somebody's: draw another");
  SignIn sign_in;
  sign_in.newcomer = std::move(opening.newcomer);
  sign_in.handle = digest(opening.handle);
  sign_in.user_code = std::move(opening.user_code);
  sign_in.until = now + kSignInLifetime;
  const SignInId id{++last_id_};
  sign_ins_.emplace(id, std::move(sign_in));
  return id;
}

Result<Ledger::Found> Ledger::find_by_code(std::string_view user_code, MonoTime now) {
  MESH_TRY_ASSIGN(const auto it,
                  find([&](const SignIn& s) { return s.user_code == user_code; }, now));
  return found(it->first, it->second);
}

Result<Outcome> Ledger::find_by_handle(std::string_view handle, MonoTime now) {
  const Digest wanted = digest(handle);
  MESH_TRY_ASSIGN(const auto it, find([&](const SignIn& s) { return s.handle == wanted; }, now));
  return Outcome{it->second.stage, it->second.reason};
}

Status Ledger::begin(SignInId id, Attempt attempt, MonoTime now) {
  sweep(now);
  const auto it = sign_ins_.find(id);
  if (it == sign_ins_.end()) return unknown_sign_in();
  MESH_TRY(next_stage(it->second.stage, StageEvent::kAuthorize));
  it->second.attempt = std::move(attempt);
  return {};
}

Result<Ledger::Redeemed> Ledger::redeem(std::string_view state, std::string_view browser,
                                        MonoTime now) {
  const Digest wanted = digest(state);
  MESH_TRY_ASSIGN(
      const auto it,
      find([&](const SignIn& s) { return s.attempt && digest(s.attempt->state) == wanted; }, now));
  const Attempt attempt = std::move(*it->second.attempt);
  it->second.attempt.reset();
  if (digest(attempt.browser) != digest(browser)) {
    return Error(ErrorCode::kPermissionDenied,
                 "this answer is for another browser than the one that the sign-in began in");
  }
  return Redeemed{found(it->first, it->second), attempt.nonce, attempt.verifier};
}

Status Ledger::authorize(SignInId id, Identity identity, MonoTime now) {
  sweep(now);
  const auto it = sign_ins_.find(id);
  if (it == sign_ins_.end()) return unknown_sign_in();
  MESH_TRY(move(it->second, StageEvent::kAuthorize, now));
  it->second.identity = std::move(identity);
  return {};
}

Status Ledger::deny(SignInId id, std::string reason, MonoTime now) {
  sweep(now);
  const auto it = sign_ins_.find(id);
  if (it == sign_ins_.end()) return unknown_sign_in();
  MESH_TRY(move(it->second, StageEvent::kDeny, now));
  it->second.reason = std::move(reason);
  return {};
}

Result<Identity> Ledger::find_admission(const MachinePublicKey& machine, const NodePublicKey& node,
                                        MonoTime now) {
  MESH_TRY_ASSIGN(const auto it, find(
                                     [&](const SignIn& s) {
                                       return s.stage == Stage::kAuthorized &&
                                              s.newcomer.machine_key == machine &&
                                              s.newcomer.node_key == node;
                                     },
                                     now));
  return *it->second.identity;
}

Status Ledger::consume(const MachinePublicKey& machine, const NodePublicKey& node, MonoTime now) {
  MESH_TRY_ASSIGN(const auto it, find(
                                     [&](const SignIn& s) {
                                       return s.stage == Stage::kAuthorized &&
                                              s.newcomer.machine_key == machine &&
                                              s.newcomer.node_key == node;
                                     },
                                     now));
  return move(it->second, StageEvent::kConsume, now);
}

std::string to_user_code(const std::array<std::uint8_t, kUserCodeLetters>& random) {
  std::string letters;
  for (const std::uint8_t byte : random) {
    letters.push_back(kCodeLetters[byte % kCodeLetters.size()]);
  }
  return in_groups(letters);
}

std::string normalise_user_code(std::string_view typed) {
  std::string letters;
  for (char c : typed) {
    if (c == '-' || c == ' ') continue;
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (kCodeLetters.find(c) == std::string_view::npos || letters.size() == kUserCodeLetters) {
      return "";
    }
    letters.push_back(c);
  }
  return letters.size() == kUserCodeLetters ? in_groups(letters) : "";
}

}  // namespace kernmesh::signin
