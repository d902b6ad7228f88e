// SPDX-License-Identifier: Apache-2.0
// mesh-agent: wiring only (L4).
#include <malloc.h>
#include <signal.h>
#include <sodium.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "controller/agent/agent.h"
#include "controller/agent/device_removal.h"
#include "controller/agent/policy_lease.h"
#include "controller/bpf/layout_export.h"
#include "controller/core/policy/go_duration.h"
#include "controller/portmap/upnp_process.h"
#include "controller/rpc/clock_watch.h"

namespace {

using kernmesh::agent::Agent;
using kernmesh::agent::AgentOptions;

// Compiling a policy takes megabytes for milliseconds; to give them back and to have them cleared
// again took a sixth of that time.
void keep_freed_memory() {
  constexpr int kKeptBytes = 16 << 20;
  mallopt(M_TRIM_THRESHOLD, kKeptBytes);
  mallopt(M_MMAP_THRESHOLD, kKeptBytes);
}

int fail(const kernmesh::Error& error) {
  spdlog::error("{}", error.message());
  return 1;
}

kernmesh::Result<kernmesh::Duration> policy_age(const std::string& text) {
  auto age = kernmesh::policy::parse_go_duration(text);
  if (!age) return age.error().with_context("--max-policy-age");
  if (*age < kernmesh::agent::kShortestPolicyAge) {
    return kernmesh::Error(
        kernmesh::ErrorCode::kInvalid,
        "--max-policy-age " + text + " is less than 1m: the server is heard every 20 s");
  }
  return *age;
}

int remove_everything(const AgentOptions& options) {
  const auto instance = kernmesh::agent::make_instance(options.mesh_name, options.underlay_name);
  if (!instance) return fail(instance.error());
  const auto lock = kernmesh::agent::lock_instance(*instance);
  if (!lock) return fail(lock.error());
  const auto removed = kernmesh::agent::remove_device(*instance);
  return removed ? 0 : fail(removed.error());
}

// Before an older build is started, with this one stopped.
int export_layout(const AgentOptions& options, std::uint32_t version) {
  const auto instance = kernmesh::agent::make_instance(options.mesh_name, options.underlay_name);
  if (!instance) return fail(instance.error());
  const auto lock = kernmesh::agent::lock_instance(*instance);
  if (!lock) return fail(lock.error());
  const auto done = kernmesh::bpf::export_layout(instance->id, version);
  if (!done) return fail(done.error());
  spdlog::info("layout {}: {} entries written, {} without a counterpart there", version,
               done->entries, done->refused);
  return 0;
}

int run(const AgentOptions& options) {
  const auto clock = kernmesh::rpc::ClockWatch::start();
  if (!clock) return fail(clock.error());
  auto agent = Agent::open(options);
  if (!agent) return fail(agent.error());
  const auto ended = (*agent)->run([&] {
    spdlog::info("ready on {}", options.socket_path);
    sd_notify(0, "READY=1");
  });
  sd_notify(0, "STOPPING=1");
  return ended ? 0 : fail(ended.error());
}

}  // namespace

int main(int argc, char** argv) {
  if (const auto ended = kernmesh::portmap::upnp_process(argc, argv)) return *ended;
  keep_freed_memory();
  signal(SIGPIPE, SIG_IGN);  // a relay that closes its end of a TLS connection
  AgentOptions options;
  std::uint16_t port = 0;
  std::string log_level = "info";
  bool remove = false;
  CLI::App app(
      "The node's agent: keeps the kernel's WireGuard interface, paths and access control as the "
      "server's "
      "netmap says.");
  app.footer(
      "Example:\n  mesh-agent --state-dir /var/lib/kernmesh\n  meshadm up --server "
      "mesh.example.org:8443 --key mk-…");
  app.add_option("--interface", options.mesh_name, "WireGuard interface")->capture_default_str();
  app.add_option("--underlay", options.underlay_name, "host end of the virtual underlay")
      ->capture_default_str();
  app.add_option("--port", port, "public UDP port; 0: random, then kept")->capture_default_str();
  app.add_option("--state-dir", options.state_dir, "keys, settings, last netmap")
      ->capture_default_str();
  app.add_option("--socket", options.socket_path, "unix socket for meshadm")->capture_default_str();
  app.add_option(
      "--http-listen", options.http_listen,
      "/metrics and /healthz in the clear, for example 127.0.0.1:9444; none unless given");
  app.add_option("--peer-metrics", options.most_peers_told,
                 "as many peers are told one by one in /metrics, of more none; 0: never")
      ->capture_default_str();
  app.add_option("--log-level", log_level, "trace, debug, info, warn, error")
      ->capture_default_str()
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error"}));
  app.add_option("--max-flows", options.access.max_flows,
                 "flows that this node may have open at once, of each kind; about 150 bytes each")
      ->check(CLI::Range(1024U, 16'777'216U))
      ->capture_default_str();
  app.add_flag("--quiet", options.access.quiet, "drop denied packets without an answer");
  app.add_flag("--no-port-mapping", options.no_port_mapping,
               "do not ask the network's gateway to forward a port (PCP, NAT-PMP, UPnP)");
  std::string max_policy_age;
  app.add_option("--max-policy-age", max_policy_age,
                 "drop everything in the mesh when the server was not heard for so long, at least "
                 "1m (\"36h\"); never unless given");
  app.add_flag("--remove", remove, "take everything of this interface out of the kernel, and end");
  std::uint32_t exported = 0;
  app.add_option(
      "--export-layout", exported,
      "leave what the kernel holds for a build with another layout of the maps, and end; "
      "before a downgrade, with no agent running");
  app.set_version_flag("--version", std::string("mesh-agent ") + KERNMESH_VERSION + ", layout " +
                                        std::to_string(MESH_ABI_VERSION));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (!max_policy_age.empty()) {
    const auto age = policy_age(max_policy_age);
    if (!age) {
      std::fprintf(stderr, "%s\n", age.error().message().c_str());
      return 2;
    }
    options.access.max_policy_age = *age;
  }
  options.port = kernmesh::Port(port);
  spdlog::set_default_logger(spdlog::stderr_logger_mt("mesh-agent"));
  spdlog::set_level(spdlog::level::from_str(log_level));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  if (sodium_init() < 0) return fail({kernmesh::ErrorCode::kSystem, "libsodium does not start"});
  if (exported != 0) return export_layout(options, exported);
  return remove ? remove_everything(options) : run(options);
}
