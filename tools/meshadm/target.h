// SPDX-License-Identifier: Apache-2.0
// Whom a command talks to: which agent, which server, with which token (reads files).
#pragma once

#include <string>
#include <string_view>

#include "controller/base/result.h"
#include "tools/meshadm/surroundings.h"

namespace kernmesh::adm {

inline constexpr std::string_view kDefaultSocket = "/run/kernmesh/agent.sock";
inline constexpr std::string_view kDefaultPort = "8443";  // mesh-server's --listen

// What the options said; empty: nothing.
struct TargetOptions {
  std::string socket;
  std::string server;
  std::string token;
  std::string token_file;
};

struct Target {
  std::string server;  // "HOST:PORT"
  std::string token;   // "ma-…"
};

// The option, else KERNMESH_SOCKET, else kDefaultSocket.
std::string resolve_socket(const TargetOptions& options, const Surroundings& surroundings);

// Server and token each from the first that has one: option, environment (KERNMESH_SERVER,
// KERNMESH_TOKEN), $XDG_CONFIG_HOME/kernmesh/config.json (~/.config), the system's configuration.
// On the server's own machine, when no server is named or the named one is this machine, the token
// of mesh-server's default state directory and localhost:8443. Errors: kNotFound when nothing says
// it (and how to say it); kInvalid for a broken configuration file, naming file and place;
// kPermissionDenied for a file that may not be read.
Result<Target> resolve_target(const TargetOptions& options, const Surroundings& surroundings);

// "HOST" becomes "HOST:8443", a bare IPv6 address gets its brackets. kInvalid for an empty host or
// a port that is none.
Result<std::string> with_port(std::string_view server);
// For the parser of the command line: "" or what is wrong.
std::string check_server(const std::string& text);

// Whether "HOST:PORT" names the machine this runs on by a loopback name or address.
bool is_this_machine(std::string_view host_port);

}  // namespace kernmesh::adm
