// SPDX-License-Identifier: Apache-2.0
// What a command has while it runs: the two services, the renderer, and the person at the terminal.
#pragma once

#include <string>

#include "controller/base/result.h"
#include "controller/rpc/admin_client.h"
#include "controller/rpc/local_client.h"
#include "tools/meshadm/renderer.h"
#include "tools/meshadm/surroundings.h"
#include "tools/meshadm/target.h"

namespace kernmesh::adm {

enum class Consent { kAsk, kGiven };

class Session {
 public:
  // Borrows all three.
  Session(const TargetOptions& options, Surroundings& surroundings, Renderer& renderer)
      : options_(options), surroundings_(surroundings), renderer_(renderer) {}

  // Connects to the agent of this machine.
  Result<rpc::LocalClient> agent();
  // Connects to the server; server_name() is its "HOST:PORT" from then on.
  Result<rpc::AdminClient> server();
  const std::string& server_name() const { return server_name_; }

  // Asks a person at a terminal. Without a terminal, or with consent given before, the answer is
  // yes; kConflict when the person says no, and at a terminal whose answer is to be JSON.
  Status confirm(const std::string& question, Consent consent);

  Renderer& renderer() { return renderer_; }
  Surroundings& surroundings() { return surroundings_; }
  WallTime now() const { return surroundings_.now(); }

  // What somebody who got this error can do about it; empty when the error says it already.
  std::string advice(const Error& error) const;

 private:
  enum class Asked { kNobody, kAgent, kServer };
  const TargetOptions& options_;
  Surroundings& surroundings_;
  Renderer& renderer_;
  Asked asked_ = Asked::kNobody;
  std::string server_name_;
};

}  // namespace kernmesh::adm
