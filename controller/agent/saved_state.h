// SPDX-License-Identifier: Apache-2.0
// What the agent remembers between runs (L3): which server, and the last good netmap.
#pragma once

#include <optional>
#include <string>

#include "controller/base/ids.h"
#include "controller/core/netmap/netmap.h"
#include "controller/core/topology/registration.h"

namespace kernmesh::agent {

// In the state directory.
inline constexpr const char* kNetmapFile = "/netmap";
inline constexpr const char* kHeardFile = "/heard";  // its time: when the server was last heard

// Whether the administrator wants the node up; an agent that restarts goes back to it.
enum class Wanted { kDown, kUp };

struct Settings {
  std::string server;    // "HOST:PORT"; empty: logged out
  std::string ca_pem;    // the pinned authority
  std::string hostname;  // what to call ourselves; empty: the machine's name
  Wanted wanted = Wanted::kDown;
  Port public_port;  // 0: not chosen yet
};

// Defaults when there is no file; kCorrupt when it is there and does not parse.
Result<Settings> load_settings(const std::string& state_dir);
Status save_settings(const std::string& state_dir, const Settings& settings);

// The netmap file is a magic word, the authority of the server that it came from, the SHA-256 of
// the rest, and a serialised snapshot message. nullopt when there is none, or one of another
// server; kCorrupt when it was cut, altered or is of another version, in which case the agent
// starts without it and says so.
Result<std::optional<netmap::Netmap>> load_netmap(const std::string& state_dir,
                                                  const topology::CaFingerprint& ca);
Status save_netmap(const std::string& state_dir, const topology::CaFingerprint& ca,
                   const netmap::Netmap& map);
Status forget_netmap(const std::string& state_dir);

Status forget_saved_state(const std::string& state_dir);

}  // namespace kernmesh::agent
