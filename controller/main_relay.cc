// SPDX-License-Identifier: Apache-2.0
// mesh-relay: wiring only (L4).
#include <sodium.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include <CLI/CLI.hpp>
#include <fstream>

#include "controller/relay/forwarding.h"
#include "controller/relay/relay.h"
#include "controller/relay/signals.h"
#include "controller/rpc/clock_watch.h"

namespace {

using kernmesh::Error;
using kernmesh::ErrorCode;
using kernmesh::Result;
using kernmesh::TicketPublicKey;
using kernmesh::relay::RelayDaemon;
using kernmesh::relay::RelayDaemonOptions;

int fail(const Error& error) {
  spdlog::error("{}", error.message());
  return 1;
}

// A file of base64 keys, one a line.
Result<std::vector<TicketPublicKey>> read_ticket_keys(const std::vector<std::string>& files) {
  std::vector<TicketPublicKey> keys;
  for (const auto& name : files) {
    std::ifstream file(name);
    if (!file) return Error(ErrorCode::kNotFound, "cannot read the ticket key " + name);
    std::string line;
    while (std::getline(file, line)) {
      if (line.empty()) continue;
      auto key = TicketPublicKey::parse_base64(line);
      if (!key) return key.error().with_context(name);
      keys.push_back(*key);
    }
  }
  return keys;
}

int run(const RelayDaemonOptions& options) {
  kernmesh::relay::block_signals();
  const auto clock = kernmesh::rpc::ClockWatch::start();
  if (!clock) return fail(clock.error());
  auto relay = RelayDaemon::open(options);
  if (!relay) return fail(relay.error());
  const auto ended = (*relay)->run([&] {
    spdlog::info("ready on UDP port {}, {}, key {}", options.udp.value(), (*relay)->forwarding(),
                 to_string((*relay)->public_key()));
    sd_notify(0, "READY=1");
  });
  sd_notify(0, "STOPPING=1");
  return ended ? 0 : fail(ended.error());
}

}  // namespace

int main(int argc, char** argv) {
  umask(077);  // the key, and who is bound
  RelayDaemonOptions options;
  std::uint16_t udp = options.udp.value(), tls = 0;
  std::string http, log_level = "info";
  std::vector<std::string> ticket_keys, endpoints;
  bool remove = false;
  CLI::App app(
      "Forwards sealed packets between nodes that cannot reach each other, and answers STUN.");
  app.footer(
      "Example:\n  mesh-relay --server mesh.example:8443 --key mk-... --region fra\n"
      "SIGUSR1 drains: nobody is let in any more, and everybody is told to leave, until it ends.");
  app.add_option("--server", options.link.server, "HOST:PORT of the server whose nodes it serves");
  app.add_option("--key", options.link.join_key,
                 "join key that `meshadm key create --relay` prints; of use at the first start");
  app.add_option("--name", options.link.name, "what the server calls it (this host's name)");
  app.add_option("--region", options.link.region,
                 "where it stands, for people: a word such as fra");
  app.add_option("--endpoint", endpoints,
                 "ADDRESS:PORT at which nodes reach it; none: its own addresses");
  app.add_option(
      "--ticket-key", ticket_keys,
      "file with public ticket keys (base64, one a line) of further networks that are served");
  app.add_option("--listen-udp", udp, "control, data and STUN")->capture_default_str();
  app.add_option("--listen-tls", tls, "the same over TLS, for networks without UDP; 0: none")
      ->capture_default_str();
  app.add_option("--tls-cert", options.certificate, "certificate chain (PEM)");
  app.add_option("--tls-key", options.certificate_key, "its private key (PEM)");
  app.add_option("--interface", options.interfaces,
                 "where XDP forwards; without any: where default routes lead, as far as XDP is "
                 "possible there; none: nowhere, the daemon forwards alone");
  app.add_option("--http-listen", http, "/metrics and /healthz in the clear");
  app.add_option("--state-dir", options.state_dir, "the relay's key, and who is bound")
      ->capture_default_str();
  app.add_option("--instance", options.instance,
                 "names the maps; one for each relay on the machine")
      ->capture_default_str();
  app.add_option("--max-clients", options.max_clients, "bound at once")->capture_default_str();
  app.add_option("--max-channels", options.max_channels, "two for each pair; about 200 bytes each")
      ->capture_default_str();
  app.add_option("--channel-rate", options.channel_bytes_per_second,
                 "bytes a second of one channel in XDP; 0: no limit, since only you know its link")
      ->capture_default_str();
  app.add_flag("--public-clients-only", options.public_clients_only,
               "let in nobody from a private address: for a relay on the Internet");
  app.add_flag("--allow-loopback", options.allow_loopback,
               "serve clients on 127.0.0.0/8, for tests");
  app.add_flag("--remove", remove, "take the program and its maps out of the kernel, and end");
  app.add_option("--log-level", log_level, "trace, debug, info, warn, error")
      ->capture_default_str()
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error"}));
  app.set_version_flag("--version", std::string("mesh-relay ") + KERNMESH_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  spdlog::set_default_logger(spdlog::stderr_logger_mt("mesh-relay"));
  spdlog::set_level(spdlog::level::from_str(log_level));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  if (sodium_init() < 0) return fail({ErrorCode::kSystem, "libsodium does not start"});
  if (remove) {
    const auto removed = kernmesh::relay::remove_relay(options.instance);
    return removed ? 0 : fail(removed.error());
  }
  options.udp = kernmesh::Port(udp);
  options.tls = kernmesh::Port(tls);
  if (!http.empty()) {
    const auto endpoint = kernmesh::Endpoint::parse(http);
    if (!endpoint) return fail(endpoint.error());
    options.http = *endpoint;
  }
  auto networks = read_ticket_keys(ticket_keys);
  if (!networks) return fail(networks.error());
  options.networks = std::move(*networks);
  for (const auto& text : endpoints) {
    const auto endpoint = kernmesh::Endpoint::parse(text);
    if (!endpoint) return fail(endpoint.error());
    options.link.endpoints.push_back(*endpoint);
  }
  if (options.networks.empty() && options.link.server.empty()) {
    spdlog::warn("neither --server nor --ticket-key: only STUN is answered");
  }
  return run(options);
}
