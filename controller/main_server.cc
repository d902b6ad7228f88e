// SPDX-License-Identifier: Apache-2.0
// mesh-server: wiring only (L4).
#include <sodium.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "controller/rpc/clock_watch.h"
#include "controller/server/admin_token.h"
#include "controller/server/backup.h"
#include "controller/server/json_log.h"
#include "controller/server/server.h"

namespace {

using kernmesh::server::Server;
using kernmesh::server::ServerOptions;

int fail(const kernmesh::Error& error) {
  spdlog::error("{}", error.message());
  return 1;
}

// What a person needs who has started a server for the first time.
void print_next_steps(const Server& server, const ServerOptions& options) {
  const std::string server_name = "HOST:" + std::to_string(server.port());
  std::printf(
      "A new network. Its authority's fingerprint (SHA-256):\n  %s\n"
      "Its policy lets people reach their own machines: `meshadm policy get` prints it.\n"
      "The administrator token is in %s/admin.token. Next:\n"
      "  export KERNMESH_SERVER=localhost:%u KERNMESH_TOKEN=$(cat %s/admin.token)\n"
      "  meshadm user create ann\n"
      "  meshadm key create --user ann\n"
      "and on each node, with the key that this prints:\n"
      "  meshadm up --server %s --key mk-...\n",
      kernmesh::to_hex(server.fingerprint()).c_str(), options.state_dir.c_str(), server.port(),
      options.state_dir.c_str(), server_name.c_str());
  std::fflush(stdout);
}

// Whether the server should stop; false after an hour.
bool stop_is_asked(const sigset_t& signals) {
  constexpr timespec kHour{3600, 0};
  int got = 0;
  do got = sigtimedwait(&signals, nullptr, &kHour);
  while (got < 0 && errno == EINTR);
  return got > 0;
}

// gRPC takes a certificate when a server starts, so a newer one wants a new server. Agents are back
// within seconds, and nobody's traffic passes here.
kernmesh::Status renew(std::unique_ptr<Server>& server, ServerOptions& options) {
  spdlog::info("a newer certificate: the server starts again with it");
  options.policy.clear();  // it was for the first start
  server.reset();
  MESH_TRY_ASSIGN(server, kernmesh::server::start_server(options));
  return {};
}

int run(ServerOptions options) {
  // Blocked before any thread is made, so that only stop_is_asked() takes them.
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  const auto clock = kernmesh::rpc::ClockWatch::start();
  if (!clock) return fail(clock.error());
  auto server = kernmesh::server::start_server(options);
  if (!server) return fail(server.error());
  if ((*server)->is_new()) print_next_steps(**server, options);
  spdlog::info("ready on {}", options.listen);
  sd_notify(0, "READY=1");
  while (!stop_is_asked(stop)) {
    if (!(*server)->has_newer_certificate()) continue;
    if (const auto renewed = renew(*server, options); !renewed) return fail(renewed.error());
  }
  sd_notify(0, "STOPPING=1");
  spdlog::info("stopping");
  server->reset();
  return 0;
}

std::string counted(std::size_t number, const std::string& what) {
  return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

std::string in_words(const kernmesh::server::BackupContents& contents) {
  return "epoch " + to_string(contents.version.epoch) + ", revision " +
         to_string(contents.version.revision) + ": " + counted(contents.users, "user") + ", " +
         counted(contents.nodes, "node") + ", " + counted(contents.relays, "relay") + ", policy " +
         to_string(contents.policy);
}

// The verbs that end without serving.
class Maintenance {
 public:
  explicit Maintenance(CLI::App& app)
      : backup_(app.add_subcommand("backup", "Copy the network's state, also from under a server")),
        restore_(app.add_subcommand("restore", "Put a backup in the place of the state")),
        token_(app.add_subcommand("token", "The administrator token")),
        reset_(token_->add_subcommand("reset", "Make another one; the one before is nobody's")) {
    backup_->add_option("directory", directory_, "made; must not be there yet")->required();
    restore_->add_option("directory", directory_, "what backup made")->required();
    for (auto* const verb : {backup_, restore_, token_, reset_}) verb->fallthrough();
    token_->require_subcommand(1);
    app.require_subcommand(0, 1);
  }
  bool is_wanted() const { return backup_->parsed() || restore_->parsed() || reset_->parsed(); }
  int run(const ServerOptions& options) const {
    if (reset_->parsed()) return reset(options);
    return backup_->parsed() ? back_up(options.state_dir) : restore(options.state_dir);
  }

 private:
  int back_up(const std::string& state_dir) const {
    const auto made = kernmesh::server::back_up(state_dir, directory_);
    if (!made) return fail(made.error().with_context("back up " + state_dir));
    std::printf(
        "%s holds %s.\nWith the authority's key and the administrator's token: keep it as you "
        "keep the server's disk.\n",
        directory_.c_str(), in_words(*made).c_str());
    return 0;
  }
  int restore(const std::string& state_dir) const {
    const auto done =
        kernmesh::server::restore(directory_, state_dir, kernmesh::server::system_now());
    if (!done) return fail(done.error().with_context("restore " + state_dir));
    std::printf(
        "%s holds %s.\nWhat was changed after the backup is undone: look at meshadm node list, key "
        "list and policy get when the server runs.\n",
        state_dir.c_str(), in_words(done->contents).c_str());
    if (!done->replaced.empty()) std::printf("Replaced: %s\n", done->replaced.c_str());
    return 0;
  }

  static int reset(const ServerOptions& options) {
    const auto done = kernmesh::server::reset_admin_token(
        {options.state_dir, options.tls_cert, kernmesh::server::system_now()});
    if (!done) return fail(done.error().with_context("replace the administrator token"));
    std::printf(
        "The new token is in %s/%s; the one before is nobody's. If somebody had that, look at "
        "meshadm audit --actor \"administrator token\", and at token list and key list, when the "
        "server runs.\n",
        options.state_dir.c_str(), kernmesh::server::kTokenFile);
    return 0;
  }

  CLI::App* backup_;
  CLI::App* restore_;
  CLI::App* token_;
  CLI::App* reset_;
  std::string directory_;
};

// People who sign in at an OpenID provider.
void add_sign_in_options(CLI::App& app, kernmesh::server::SignInOptions& options) {
  const std::string group = "Signing people in";
  app.add_option("--oidc-issuer", options.issuer,
                 "the OpenID provider, https://...; without one nodes join with join keys alone")
      ->group(group);
  app.add_option("--oidc-client-id", options.client_id, "this server's name at the provider")
      ->group(group);
  app.add_option("--oidc-client-secret-file", options.client_secret_file,
                 "its secret there, in a file that others cannot read; none: a public client")
      ->group(group);
  app.add_option("--oidc-ca-file", options.ca_file,
                 "who vouches for the provider (PEM), instead of the system's roots")
      ->group(group);
  app.add_option("--oidc-scope", options.scopes,
                 "asked for besides openid, email and profile; may be repeated")
      ->group(group)
      ->allow_extra_args(false);
  app.add_option("--oidc-groups-claim", options.groups_claim,
                 "where an ID token lists a person's groups; \"\": nowhere")
      ->group(group)
      ->capture_default_str();
  app.add_option("--oidc-allowed-domain", options.allowed_domains,
                 "only people with a verified address of this domain; may be repeated")
      ->group(group)
      ->allow_extra_args(false);
  app.add_option("--oidc-allowed-group", options.allowed_groups,
                 "only people in this group; may be repeated")
      ->group(group)
      ->allow_extra_args(false);
  app.add_option("--signin-url", options.url,
                 "where browsers reach the sign-in's pages, https://HOST[:PORT]; without it people "
                 "go to the provider's own page (device authorization)")
      ->group(group);
  app.add_option("--signin-listen", options.listen, "the pages' address and port")
      ->group(group)
      ->capture_default_str();
  app.add_option("--signin-tls-cert", options.tls_cert,
                 "the pages' certificate chain (PEM); without it a proxy in front speaks TLS")
      ->group(group);
  app.add_option("--signin-tls-key", options.tls_key, "private key (PEM) of --signin-tls-cert")
      ->group(group);
}

}  // namespace

int main(int argc, char** argv) {
  umask(077);  // the store holds secrets
  ServerOptions options;
  std::string log_level = "info";
  bool log_json = false;
  CLI::App app("The coordination server: tells nodes of each other, never sees their traffic.");
  app.footer(
      "Examples:\n  mesh-server --listen 0.0.0.0:8443 --state-dir /var/lib/kernmesh-server\n"
      "  mesh-server backup /root/kernmesh-$(date +%F)\n"
      "  mesh-server restore /root/kernmesh-2026-11-22\n"
      "  mesh-server token reset\n"
      "Until there is a user, each start prints what to do next.");
  app.add_option("--listen", options.listen, "gRPC over TLS")->capture_default_str();
  app.add_option("--http-listen", options.http_listen,
                 "/metrics and /healthz in the clear; \"\" for none")
      ->capture_default_str();
  app.add_option("--state-dir", options.state_dir, "authority, store, administrator token")
      ->capture_default_str();
  app.add_option("--overlay-v4", options.overlay_v4,
                 "the network's IPv4 range, at the first start [100.64.0.0/10]");
  app.add_option("--overlay-v6", options.overlay_v6,
                 "the network's IPv6 range, at the first start [a random /48 of fd00::/8]");
  std::string policy_file;
  app.add_option("--policy", policy_file,
                 "a policy file that takes the stored policy's place at this start")
      ->check(CLI::ExistingFile);
  app.add_option("--tls-cert", options.tls_cert,
                 "certificate chain (PEM), its authority last, instead of one of our own");
  app.add_option("--tls-key", options.tls_key, "private key (PEM) of --tls-cert");
  app.add_option("--audit-log", options.audit_log,
                 "append who did what to this file too, one JSON object a line");
  std::int64_t ephemeral_minutes = 30;
  app.add_option("--ephemeral-minutes", ephemeral_minutes,
                 "ephemeral nodes are removed when they were gone for so long")
      ->capture_default_str()
      ->check(CLI::Range(1, 525600));
  app.add_option("--log-level", log_level, "trace, debug, info, warn, error")
      ->capture_default_str()
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error"}));
  app.add_flag("--log-json", log_json, "one JSON object a line on standard error");
  add_sign_in_options(app, options.sign_in);
  const Maintenance maintenance(app);
  app.set_version_flag("--version", std::string("mesh-server ") + KERNMESH_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (!policy_file.empty()) {
    errno = 0;
    std::ostringstream text;
    text << std::ifstream(policy_file, std::ios::binary).rdbuf();
    options.policy = text.str();
    if (options.policy.empty()) {
      return fail(errno != 0 ? kernmesh::Error::from_errno("read " + policy_file, errno)
                             : kernmesh::Error(kernmesh::ErrorCode::kInvalid,
                                               policy_file + " is empty: it holds no policy"));
    }
  }
  options.ephemeral_lifetime = std::chrono::minutes(ephemeral_minutes);
  spdlog::set_default_logger(spdlog::stderr_logger_mt("mesh-server"));
  spdlog::set_level(spdlog::level::from_str(log_level));
  if (log_json) {
    spdlog::set_formatter(kernmesh::server::make_json_formatter());
  } else {
    spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  }
  if (sodium_init() < 0) return fail({kernmesh::ErrorCode::kSystem, "libsodium does not start"});
  if (maintenance.is_wanted()) return maintenance.run(options);
  return run(std::move(options));
}
