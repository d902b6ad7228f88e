// SPDX-License-Identifier: Apache-2.0
#include "tools/meshadm/session.h"

namespace kernmesh::adm {
namespace {

bool mentions(const Error& error, std::string_view words) {
  return error.message().find(words) != std::string::npos;
}

std::string agent_advice(const Error& error) {
  const bool at_the_socket = mentions(error, "connect to the agent");
  switch (error.code()) {
    case ErrorCode::kUnavailable:
      return at_the_socket ? "The agent is not running: start it with `systemctl start "
                             "mesh-agent`, or name its socket with --socket PATH."
                           : "";
    case ErrorCode::kPermissionDenied:
      return at_the_socket ? "Only root may use the agent's socket: run this with sudo." : "";
    case ErrorCode::kUnauthenticated:
      return mentions(error, "certificate") ? ""
             : mentions(error, "fingerprint")
                 ? "Check --server, and that the key was made by that server."
                 : "Ask for a new key; the administrator makes it with `meshadm key create --user "
                   "USER`.";
    default:
      return "";
  }
}

std::string server_advice(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kUnavailable:
      return "Is mesh-server running there, and does a firewall let TCP through to that port?";
    case ErrorCode::kUnauthenticated:
    case ErrorCode::kPermissionDenied:
      return mentions(error, "fingerprint")
                 ? "Check --server; if the server was set up anew, take its new token from "
                   "admin.token in its state directory."
             : error.code() == ErrorCode::kPermissionDenied
                 ? "`meshadm whoami` shows what this token may; docs/api.md says what takes which "
                   "role."
                 : "Take the token from admin.token in the server's state directory, or have one "
                   "made with `meshadm token create`.";
    case ErrorCode::kInvalid:
      return mentions(error, "administrator token")
                 ? "Take the token from admin.token in the server's state directory."
                 : "";
    default:
      return "";
  }
}

}  // namespace

Result<rpc::LocalClient> Session::agent() {
  asked_ = Asked::kAgent;
  return rpc::LocalClient::connect(resolve_socket(options_, surroundings_));
}

Result<rpc::AdminClient> Session::server() {
  MESH_TRY_ASSIGN(const auto target, resolve_target(options_, surroundings_));
  asked_ = Asked::kServer;
  server_name_ = target.server;
  return rpc::AdminClient::connect(target.server, target.token);
}

Status Session::confirm(const std::string& question, Consent consent) {
  if (consent == Consent::kGiven || !surroundings_.in_is_tty) return {};
  if (renderer_.format() == Format::kJson) {
    return Error(ErrorCode::kConflict,
                 "not confirmed, nothing was changed: with --json nobody is asked, say --yes");
  }
  surroundings_.err << printable(question) << " [y/N] " << std::flush;
  std::string answer;
  std::getline(surroundings_.in, answer);
  if (answer == "y" || answer == "Y" || answer == "yes") return {};
  return Error(ErrorCode::kConflict, "not confirmed, nothing was changed");
}

std::string Session::advice(const Error& error) const {
  switch (asked_) {
    case Asked::kNobody:
      return "";
    case Asked::kAgent:
      return agent_advice(error);
    case Asked::kServer:
      return server_advice(error);
  }
  return "";
}

}  // namespace kernmesh::adm
