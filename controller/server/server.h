// SPDX-License-Identifier: Apache-2.0
// mesh-server put together (L3): state directory, store, certificate, services, pages.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "controller/base/result.h"
#include "controller/core/topology/registration.h"
#include "controller/host/event_loop.h"
#include "controller/server/gatekeeper.h"
#include "controller/server/signin/office.h"

namespace kernmesh::server {

struct ServerOptions {
  std::string listen = "0.0.0.0:8443";
  std::string http_listen = "127.0.0.1:9443";  // empty: no pages
  std::string state_dir = "/var/lib/kernmesh-server";
  std::string overlay_v4;  // empty: as stored, or the default at the first start
  std::string overlay_v6;
  std::string policy;    // a text that takes the stored policy's place; empty: as stored
  std::string tls_cert;  // both or neither
  std::string tls_key;
  std::chrono::seconds ephemeral_lifetime = std::chrono::minutes(30);
  std::string audit_log;  // a file for the audit log as JSON lines; empty: none
  // Longer than an agent's backoff, so that a restart of the server shows nobody as gone.
  std::chrono::seconds reconnect_grace = std::chrono::seconds(60);
  SignInOptions sign_in;  // without an issuer nobody is signed in
};

// The system's CLOCK_REALTIME.
WallTime system_now();

class Server {
 public:
  virtual ~Server() = default;  // ends streams and calls, closes the store
  virtual std::uint16_t port() const = 0;
  virtual std::uint16_t http_port() const = 0;     // 0: no pages
  virtual std::uint16_t sign_in_port() const = 0;  // of the pages; 0: there are none
  virtual const topology::CaFingerprint& fingerprint() const = 0;
  // Whether nobody has made a user yet, so that a person is told what to do next.
  virtual bool is_new() const = 0;
  // Whether a server that starts now would have a newer certificate of the same authority: its own
  // is renewed by asking, given files are read again. False, with a line in the log, when that
  // fails: this server goes on with what it has.
  virtual bool has_newer_certificate() const = 0;
};

Result<std::unique_ptr<Server>> start_server(const ServerOptions& options,
                                             WallClock clock = system_now,
                                             MonoReading mono = host::mono_now);

}  // namespace kernmesh::server
