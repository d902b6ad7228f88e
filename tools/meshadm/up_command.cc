// SPDX-License-Identifier: Apache-2.0
// up: joins with a join key, comes back, or waits while a person signs this machine in.
#include <chrono>
#include <memory>
#include <optional>
#include <thread>

#include "controller/core/topology/registration.h"
#include "tools/meshadm/command.h"
#include "tools/meshadm/interrupt.h"
#include "tools/meshadm/local_view.h"
#include "tools/meshadm/qr_code.h"

namespace kernmesh::adm {
namespace {

struct UpOptions {
  std::string key;
  std::string hostname;
  std::string ca_fingerprint;
  bool sign_in = false;
};

// What can be known to be wrong without asking anybody.
Result<mesh::v1::UpRequest> up_request(const std::string& server, const UpOptions& options) {
  mesh::v1::UpRequest request;
  if (!server.empty()) {
    MESH_TRY_ASSIGN(*request.mutable_server(), with_port(server));
  }
  if (!options.key.empty()) {
    const auto ticket = topology::parse_ticket(options.key);
    if (!ticket) return ticket.error().with_context("read --key");
    if (ticket->kind != topology::TicketKind::kJoinKey) {
      return Error(ErrorCode::kInvalid,
                   "read --key: this is an administrator token (ma-…); make a key from it with "
                   "`meshadm key create --user USER`");
    }
  }
  if (!options.ca_fingerprint.empty()) {
    const auto parsed = topology::parse_fingerprint(options.ca_fingerprint);
    if (!parsed) return parsed.error().with_context("read --ca-fingerprint");
    request.set_ca_fingerprint(to_hex(*parsed));
  }
  request.set_join_key(options.key);
  request.set_hostname(options.hostname);
  request.set_sign_in(options.sign_in);
  return request;
}

constexpr auto kApprovalPoll = std::chrono::seconds(1);

// At a terminal until somebody has approved the node, or Ctrl-C; the agent goes on by itself either
// way, so a script need not wait.
Result<Outcome> await_approval(Session& session, const mesh::v1::UpResponse& up) {
  if (!up.self().awaits_approval() || !session.surroundings().out_is_tty ||
      session.renderer().format() == Format::kJson) {
    return Outcome::kDone;
  }
  MESH_TRY_ASSIGN(auto agent, session.agent());
  for (;;) {
    std::this_thread::sleep_for(kApprovalPoll);
    MESH_TRY_ASSIGN(const auto status, agent.status());
    if (status.state() == mesh::v1::RUN_STATE_PENDING) continue;
    session.renderer().show(status_document(status, session.now()));
    return Outcome::kDone;
  }
}

// A telephone reads it off the terminal; a program takes the URL.
void show_qr_code(Session& session, const std::string& url) {
  const auto& surroundings = session.surroundings();
  const bool is_plain = surroundings.environment("TERM").value_or("dumb") == "dumb";
  if (session.renderer().format() == Format::kJson || !surroundings.out_is_tty || is_plain) return;
  const auto modules = qr_modules(url);
  if (modules) surroundings.out << to_half_blocks(*modules);
}

class SignInScreen {
 public:
  explicit SignInScreen(Session& session) : session_(session) {}

  void show(const mesh::v1::SignInResponse& said) {
    if (said.has_up()) {
      up_ = said.up();
      return;
    }
    if (is_invited_)
      session_.renderer().remark("The server has started again, so the link is new.");
    is_invited_ = true;
    session_.renderer().show_next(invitation_document(said.invitation()));
    show_qr_code(session_, said.invitation().url());
    session_.renderer().remark("Waiting until somebody has signed in there; Ctrl-C gives up.");
    session_.surroundings().out.flush();
  }

  // Once the call is over. Ctrl-C is the way out of the wait again.
  Result<Outcome> end(const Status& status) {
    if (!status) return status.error();
    // Hanging up is no error of the call's.
    if (!up_) return Error(ErrorCode::kConflict, "given up: this machine is as it was before");
    if (is_invited_) {
      session_.renderer().show_next(signed_in_document(*up_));
    } else {
      session_.renderer().show(up_document(*up_));
    }
    return await_approval(session_, *up_);
  }

 private:
  Session& session_;
  bool is_invited_ = false;
  std::optional<mesh::v1::UpResponse> up_;
};

Result<Outcome> run_without_key(Session& session, const mesh::v1::UpRequest& request) {
  SignInScreen screen(session);
  const auto on_said = [&screen](const mesh::v1::SignInResponse& said) { screen.show(said); };
  const auto sign_in = [&]() -> Status {
    rpc::Cancellation cancellation;
    const Interrupt interrupt([&cancellation] { cancellation.cancel(); });
    MESH_TRY_ASSIGN(auto agent, session.agent());
    return agent.sign_in(request, on_said, cancellation);
  };
  return screen.end(sign_in());
}

Result<Outcome> run_up(Session& session, const std::string& server, const UpOptions& options) {
  MESH_TRY_ASSIGN(const auto request, up_request(server, options));
  if (options.key.empty()) return run_without_key(session, request);
  MESH_TRY_ASSIGN(auto agent, session.agent());
  MESH_TRY_ASSIGN(const auto response, agent.up(request));
  session.renderer().show(up_document(response));
  return await_approval(session, response);
}

}  // namespace

void add_up_command(CLI::App& root, Invocation& invocation) {
  auto& command = add_command(
      root, {"up", "Join the network, or come back up after `down`",
             "meshadm up --server vpn.example:8443              sign in with a browser\n"
             "meshadm up --server vpn.example:8443 --key mk-…   join with a key\n"
             "meshadm up                                        come back up\n"
             "meshadm up --server vpn.example:8443 --key mk-… --hostname db-1"});
  // Shared by the parser, which fills it, and the action, which reads it. So in every command.
  auto options = std::make_shared<UpOptions>();
  command.add_option("--server", invocation.target.server, "The server; without it the last one")
      ->type_name("HOST:PORT")
      ->check(check_server);
  auto* key = command
                  .add_option("--key", options->key,
                              "Join key; without one a person signs in, where the server knows a "
                              "provider for that")
                  ->type_name("mk-…");
  command
      .add_option("--hostname", options->hostname, "Name in the network; else the machine's own")
      ->type_name("NAME");
  command
      .add_option("--ca-fingerprint", options->ca_fingerprint,
                  "SHA-256 of the server's authority; without it and without a key this machine's "
                  "roots must vouch for the server")
      ->type_name("HEX")
      ->excludes(key);
  command
      .add_flag("--sign-in", options->sign_in,
                "Sign in also when nobody asks for it: the node's time, and what the provider says "
                "of you, begin anew")
      ->excludes(key);
  command.callback([&invocation, options] {
    invocation.action = [&invocation, options](Session& session) {
      return run_up(session, invocation.target.server, *options);
    };
  });
}

}  // namespace kernmesh::adm
