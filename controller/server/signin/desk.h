// SPDX-License-Identifier: Apache-2.0
// Where machines wait for a person to sign in (L3, thread-safe): agents open a sign-in and ask how
// far it is, the pages send people to the provider and bring its answer, and who joins asks whether
// somebody has signed in for it. Nothing is kept over a restart: whoever waits asks again.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/core/signin/ledger.h"
#include "controller/oidc/provider.h"
#include "controller/server/signin/device_queue.h"
#include "controller/server/signin/invitation.h"
#include "controller/server/signin/start_queue.h"

namespace kernmesh::server {

// Called when somebody has proved who he is, before anything comes of it, on any thread and without
// a lock of the desk. An error refuses him; its text is shown to him.
using OnSignIn = std::function<Status(const signin::Newcomer&, const signin::Identity&)>;

struct SignInDeskOptions {
  // Where people reach the pages: "https://vpn.example.org". Empty: they go to the provider's own
  // page (device authorization).
  std::string url;
};

// Since the start.
struct SignInCounts {
  std::uint64_t started = 0;    // somebody was asked to sign in
  std::uint64_t completed = 0;  // somebody did, and may bring the machine in
  // Why not, and how often.
  std::map<std::string, std::uint64_t> denied{
      {"answer", 0},   // the provider's answer did not hold
      {"busy", 0},     // too many wait
      {"expired", 0},  // nobody came in time, as the provider says
      {"late", 0},     // the sign-in was over by then
      {"refused", 0},  // the person or the provider said no, or he is none of those who may
      {"user", 0}};    // this network does not take him
  oidc::Provider::Counts provider;
};

class SignInDesk {
 public:
  // `provider` outlives it.
  SignInDesk(SignInDeskOptions options, oidc::Provider& provider, oidc::Clocks clocks,
             OnSignIn on_sign_in);

  // The caller has checked that the machine has its key, and is not kept: the visitor is answered
  // before this returns, or later when the provider has to be asked. kExhausted when too many wait,
  // kUnavailable when the provider cannot be reached, kConflict when another sign-in of the machine
  // has taken the place of this one in the line.
  void open(const signin::Newcomer& newcomer, const Visitor& visitor);
  // kNotFound when the handle is nobody's: the agent opens another.
  Result<signin::Outcome> outcome(const std::string& handle);

  // For whoever admits nodes: ask, write the node, tell that it is done; under one lock of his.
  Result<signin::Identity> find_admission(const MachinePublicKey& machine,
                                          const NodePublicKey& node);
  Status consume(const MachinePublicKey& machine, const NodePublicKey& node);

  SignInCounts counts() const;

  // For the pages.
  Result<signin::Newcomer> look_up(const std::string& user_code);
  // Where to send this browser.
  Result<std::string> depart(const std::string& user_code, const std::string& browser);
  struct Return {
    std::string state;
    std::string code;
    std::string error;   // the provider's; empty: none
    std::string issuer;  // empty: the answer has none
  };
  struct Arrival {
    signin::Newcomer newcomer;
    signin::Identity identity;
  };
  // Errors are in words for the person; those of which he understands nothing are in the log.
  Result<Arrival> arrive(const Return& returned, const std::string& browser);

 private:
  struct Opened {
    signin::SignInId id{};
    Invitation invitation;
  };
  Result<Opened> invite(const signin::Newcomer& newcomer);
  Result<Opened> open_device(const signin::Newcomer& newcomer);
  // What the provider grants for a sign-in that it is now asked for.
  Result<signin::DeviceGrant> ask_for_device(const signin::Newcomer& newcomer);
  // False when he had hung up, and the sign-in is withdrawn.
  bool hand_over(const Opened& opened, const Visitor& visitor);
  void refuse(const Error& error, const Visitor& visitor);
  Status begin_device(const StartQueue::Start& start);
  // Somebody was named for this sign-in, or nobody was.
  Status settle(const signin::Ledger::Found& found, const Result<signin::Identity>& identity);
  void finish_device(signin::SignInId id, const signin::Newcomer& newcomer,
                     const Result<signin::Identity>& identity);

  const SignInDeskOptions options_;
  oidc::Provider& provider_;
  const oidc::Clocks clocks_;
  const OnSignIn on_sign_in_;
  mutable std::mutex mutex_;
  signin::Ledger ledger_;  // guarded by mutex_
  SignInCounts counts_;    // guarded by mutex_; those of the provider are its own
  // Last: their threads call the desk, and end before the rest goes. In device mode sign-ins open
  // on the thread of starts_ alone, so that the ledger and devices_ hear of a machine's sign-ins in
  // the same order.
  DeviceQueue devices_;
  StartQueue starts_;
};

// 256 random bits as base64url.
std::string random_text();

}  // namespace kernmesh::server
