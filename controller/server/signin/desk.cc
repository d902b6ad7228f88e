// SPDX-License-Identifier: Apache-2.0
#include "controller/server/signin/desk.h"

#include <sodium.h>
#include <spdlog/spdlog.h>

#include "controller/core/signin/jws.h"
#include "controller/core/signin/request.h"

namespace kernmesh::server {
namespace {

// A code that is somebody's already is drawn again; of 4e15 that there are, twice is never.
constexpr int kCodeAttempts = 4;

std::string random_user_code() {
  std::array<std::uint8_t, signin::kUserCodeLetters> random{};
  randombytes_buf(random.data(), random.size());
  return signin::to_user_code(random);
}

// For the log: the machine, and where it is.
std::string in_words(const signin::Newcomer& newcomer) {
  return "machine " + to_string(newcomer.machine_key) + " (" + newcomer.hostname + ", " +
         newcomer.source + ")";
}

// What a person can do something about is said as it is; the rest is for the administrator.
Error for_person(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kPermissionDenied:
    case ErrorCode::kExpired:
    case ErrorCode::kConflict:
    case ErrorCode::kExhausted:
    case ErrorCode::kNotFound:
      return error;
    case ErrorCode::kUnavailable:
      return {ErrorCode::kUnavailable,
              "the identity provider cannot be reached now: try again in a minute"};
    default:
      return {error.code(),
              "the identity provider's answer was not accepted: the administrator finds the reason "
              "in the server's log"};
  }
}

// Of a person whom the provider has not named, for the numbers.
const char* reason_of(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kPermissionDenied:
      return "refused";
    case ErrorCode::kExpired:
      return "expired";
    default:
      return "answer";
  }
}

}  // namespace

std::string random_text() {
  std::array<std::uint8_t, 32> random{};
  randombytes_buf(random.data(), random.size());
  return signin::to_url_text(random.data(), random.size());
}

SignInDesk::SignInDesk(SignInDeskOptions options, oidc::Provider& provider, oidc::Clocks clocks,
                       OnSignIn on_sign_in)
    : options_(std::move(options)),
      provider_(provider),
      clocks_(std::move(clocks)),
      on_sign_in_(std::move(on_sign_in)),
      devices_(provider, clocks_.mono,
               [this](signin::SignInId id, const signin::Newcomer& newcomer,
                      const Result<signin::Identity>& identity) {
                 finish_device(id, newcomer, identity);
               }),
      starts_(clocks_.mono,
              [this](const StartQueue::Start& start) { return begin_device(start); }) {}

void SignInDesk::open(const signin::Newcomer& newcomer, const Visitor& visitor) {
  if (options_.url.empty()) {
    const auto added = starts_.add({newcomer, visitor});
    if (!added) refuse(added.error(), visitor);
    return;
  }
  const auto opened = invite(newcomer);
  if (opened) {
    hand_over(*opened, visitor);
  } else {
    refuse(opened.error(), visitor);
  }
}

bool SignInDesk::hand_over(const Opened& opened, const Visitor& visitor) {
  const bool is_heard = visitor.answer(opened.invitation);
  const std::lock_guard lock(mutex_);
  if (is_heard) {
    ++counts_.started;
  } else {
    ledger_.withdraw(opened.id);
  }
  return is_heard;
}

void SignInDesk::refuse(const Error& error, const Visitor& visitor) {
  if (error.code() == ErrorCode::kExhausted) {
    const std::lock_guard lock(mutex_);
    ++counts_.denied["busy"];
  }
  visitor.answer(error);
}

SignInCounts SignInDesk::counts() const {
  const std::lock_guard lock(mutex_);
  SignInCounts counts = counts_;
  counts.provider = provider_.counts();
  return counts;
}

Result<SignInDesk::Opened> SignInDesk::invite(const signin::Newcomer& newcomer) {
  Opened opened;
  auto& invitation = opened.invitation;
  invitation.handle = random_text();
  invitation.lifetime = signin::kSignInLifetime;
  for (int attempt = 0;; ++attempt) {
    invitation.user_code = random_user_code();
    const std::lock_guard lock(mutex_);
    const auto id =
        ledger_.open({newcomer, invitation.handle, invitation.user_code}, clocks_.mono());
    if (id) {
      opened.id = *id;
      break;
    }
    if (id.error().code() != ErrorCode::kConflict || attempt == kCodeAttempts) return id.error();
  }
  invitation.url = options_.url + "/node?code=" + invitation.user_code;
  return opened;
}

Status SignInDesk::begin_device(const StartQueue::Start& start) {
  const auto opened = open_device(start.newcomer);
  if (!opened) {
    refuse(opened.error(), start.visitor);
    return opened.error();
  }
  if (!hand_over(*opened, start.visitor)) devices_.remove(opened->id);
  return {};
}

Result<SignInDesk::Opened> SignInDesk::open_device(const signin::Newcomer& newcomer) {
  MESH_TRY(devices_.check_room());
  Opened opened;
  auto& invitation = opened.invitation;
  invitation.handle = random_text();
  {
    // Before the provider is asked, so that the bounds hold for what is asked of it. The code is
    // nobody's business: the person types the provider's.
    const std::lock_guard lock(mutex_);
    MESH_TRY_ASSIGN(
        opened.id, ledger_.open({newcomer, invitation.handle, random_user_code()}, clocks_.mono()));
  }
  const auto grant = ask_for_device(newcomer);
  if (!grant) {
    const std::lock_guard lock(mutex_);
    ledger_.withdraw(opened.id);
    return grant.error();
  }
  invitation.url = grant->complete_url.empty() ? grant->url : grant->complete_url;
  invitation.user_code = grant->user_code;
  invitation.lifetime = std::min<std::chrono::seconds>(grant->lifetime, signin::kSignInLifetime);
  devices_.add(opened.id, newcomer, *grant);
  return opened;
}

Result<signin::DeviceGrant> SignInDesk::ask_for_device(const signin::Newcomer& newcomer) {
  auto grant = provider_.start_device();
  if (grant) return grant;
  spdlog::warn("sign-in of {}: {}", in_words(newcomer), grant.error().message());
  return for_person(grant.error());
}

Result<signin::Outcome> SignInDesk::outcome(const std::string& handle) {
  const std::lock_guard lock(mutex_);
  return ledger_.find_by_handle(handle, clocks_.mono());
}

Result<signin::Identity> SignInDesk::find_admission(const MachinePublicKey& machine,
                                                    const NodePublicKey& node) {
  const std::lock_guard lock(mutex_);
  return ledger_.find_admission(machine, node, clocks_.mono());
}

Status SignInDesk::consume(const MachinePublicKey& machine, const NodePublicKey& node) {
  const std::lock_guard lock(mutex_);
  return ledger_.consume(machine, node, clocks_.mono());
}

Result<signin::Newcomer> SignInDesk::look_up(const std::string& user_code) {
  const std::lock_guard lock(mutex_);
  MESH_TRY_ASSIGN(auto found,
                  ledger_.find_by_code(signin::normalise_user_code(user_code), clocks_.mono()));
  // Says the same as for a code that never was, but for whoever has just used it.
  MESH_TRY(signin::next_stage(found.outcome.stage, signin::StageEvent::kAuthorize));
  return std::move(found.newcomer);
}

Result<std::string> SignInDesk::depart(const std::string& user_code, const std::string& browser) {
  const oidc::Provider::Secrets secrets{random_text(), random_text(), random_text()};
  const auto url = provider_.authorization_url(secrets);
  if (!url) {
    spdlog::warn("sign-in: {}", url.error().message());
    return for_person(url.error());
  }
  const std::lock_guard lock(mutex_);
  const MonoTime now = clocks_.mono();
  MESH_TRY_ASSIGN(const auto found,
                  ledger_.find_by_code(signin::normalise_user_code(user_code), now));
  MESH_TRY(ledger_.begin(found.id, {secrets.state, secrets.nonce, secrets.verifier, browser}, now));
  return *url;
}

Result<SignInDesk::Arrival> SignInDesk::arrive(const Return& returned, const std::string& browser) {
  std::optional<signin::Ledger::Redeemed> redeemed;
  {
    const std::lock_guard lock(mutex_);
    MESH_TRY_ASSIGN(redeemed, ledger_.redeem(returned.state, browser, clocks_.mono()));
  }
  const auto identity = [&]() -> Result<signin::Identity> {
    if (returned.error.empty()) {
      return provider_.redeem({returned.code, returned.issuer},
                              {returned.state, redeemed->nonce, redeemed->verifier});
    }
    return Error(ErrorCode::kPermissionDenied, "the sign-in was refused at the provider's page");
  }();
  MESH_TRY(settle(redeemed->found, identity));
  return Arrival{redeemed->found.newcomer, *identity};
}

Status SignInDesk::settle(const signin::Ledger::Found& found,
                          const Result<signin::Identity>& identity) {
  Status status = identity ? on_sign_in_(found.newcomer, *identity) : Status(identity.error());
  const char* reason = identity ? "user" : reason_of(identity.error());
  const std::lock_guard lock(mutex_);
  if (status) {
    status = ledger_.authorize(found.id, *identity, clocks_.mono());
    reason = "late";
  }
  if (status) {
    ++counts_.completed;
    spdlog::info("sign-in of {}: authorized by {} of {}", in_words(found.newcomer),
                 identity->subject, identity->issuer);
    return {};
  }
  spdlog::warn("sign-in of {}: {}", in_words(found.newcomer), status.error().message());
  const Error told = for_person(status.error());
  // A provider that does not answer is no refusal: the person may try again from the same page.
  if (told.code() != ErrorCode::kUnavailable) {
    ++counts_.denied[reason];
    static_cast<void>(ledger_.deny(found.id, told.message(), clocks_.mono()));
  }
  return told;
}

void SignInDesk::finish_device(signin::SignInId id, const signin::Newcomer& newcomer,
                               const Result<signin::Identity>& identity) {
  // The outcome is in the ledger, where the agent asks for it.
  static_cast<void>(settle({id, newcomer, {}}, identity));
}

}  // namespace kernmesh::server
