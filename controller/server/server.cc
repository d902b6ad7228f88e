// SPDX-License-Identifier: Apache-2.0
#include "controller/server/server.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <climits>

#include "controller/host/event_loop.h"
#include "controller/host/http_page.h"
#include "controller/rpc/grpc_server.h"
#include "controller/server/audit_desk.h"
#include "controller/server/coordination.h"
#include "controller/server/first_start.h"
#include "controller/server/housekeeper.h"
#include "controller/server/key_administration.h"
#include "controller/server/lock_administration.h"
#include "controller/server/metrics.h"
#include "controller/server/node_administration.h"
#include "controller/server/policy_administration.h"
#include "controller/server/relay_administration.h"
#include "controller/server/relay_registry.h"
#include "controller/server/settings_administration.h"
#include "controller/server/sign_in_reception.h"
#include "controller/server/sign_in_users.h"
#include "controller/server/state_dir.h"
#include "controller/server/stored_policy.h"
#include "controller/server/ticket_key.h"
#include "controller/server/ticket_office.h"
#include "controller/server/tls_identity.h"
#include "controller/server/token_administration.h"
#include "controller/server/user_administration.h"
#include "controller/store/sqlite_store.h"

namespace kernmesh::server {
namespace {

// Unary calls under way get this long to end when the server stops.
constexpr auto kStopGrace = std::chrono::seconds(2);

rpc::ServerNames names_of(const std::string& listen) {
  rpc::ServerNames names{{"localhost"},
                         {IpAddress::from_v4_number(0x7f000001), *IpAddress::parse("::1")}};
  char host[HOST_NAME_MAX + 1] = {};
  if (gethostname(host, sizeof host - 1) == 0) names.dns.emplace_back(host);
  const auto endpoint = Endpoint::parse(listen);
  if (endpoint && !endpoint->address.is_unspecified() && !endpoint->address.is_loopback()) {
    names.addresses.push_back(endpoint->address);
  }
  return names;
}

Result<TlsIdentity> open_identity(const ServerOptions& options, const StateDir& state,
                                  WallTime now) {
  if (options.tls_cert.empty() != options.tls_key.empty()) {
    return Error(ErrorCode::kInvalid, "a certificate and its key are given together");
  }
  if (options.tls_cert.empty()) return open_own_identity(state, names_of(options.listen), now);
  return open_given_identity(options.tls_cert, options.tls_key, now);
}

// Agents would refuse it all the same, each for itself.
Result<lock::History> open_lock(const store::Contents& contents) {
  std::vector<Bytes> statements;
  for (const auto& record : contents.lock_statements) statements.push_back(record.bytes);
  auto history = lock::read_history(statements);
  if (history) return history;
  return Error(ErrorCode::kCorrupt, "the network lock in the database is not what was signed (" +
                                        history.error().message() + "): restore a backup");
}

class AssembledServer final : public Server {
 public:
  AssembledServer(ServerOptions options, StateDir state, TlsIdentity identity, WallClock clock,
                  MonoReading mono)
      : options_(std::move(options)),
        state_(std::move(state)),
        identity_(std::move(identity)),
        clock_(std::move(clock)),
        mono_(std::move(mono)) {}

  // The reverse of start(): no streams any more, then no calls, then no people who sign in, and
  // then no store. Streams are ended before the services stop, because those wait for them. Until
  // calls and sign-ins have ended they commit, and a commit calls housekeeper and audit desk: both
  // are stopped here, and go with the members.
  ~AssembledServer() override {
    http_.reset();
    if (housekeeper_) housekeeper_->stop();
    if (audit_) audit_->stop();
    if (grpc_) grpc_->stop(kStopGrace);
    office_.reset();
  }

  Status start() {
    MESH_TRY(open_store());
    MESH_TRY_ASSIGN(const auto ticket_key, open_ticket_key(state_));
    tickets_ = std::make_unique<TicketOffice>(ticket_key);
    proofs_ = std::make_unique<Proofs>(*directory_, clock_);
    denials_ = std::make_unique<DenialLog>(*store_, clock_);
    machines_ = std::make_unique<MachineUse>(*directory_, *store_, clock_);
    MESH_TRY(open_sign_in());
    enrollment_ = std::make_unique<Enrollment>(
        Enrollment::Parts{*directory_, *store_, *proofs_, *denials_, *machines_,
                          office_ ? &office_->desk() : nullptr},
        identity_.fingerprint, clock_);
    relays_ = std::make_unique<RelayRegistry>(
        RelayRegistry::Parts{*directory_, *store_, *proofs_, *denials_, relay_presence_},
        RelayRegistry::Identity{identity_.fingerprint, tickets_->key()}, clock_);
    gatekeeper_ = std::make_unique<Gatekeeper>(*directory_, *store_, *denials_, clock_);
    coordination_ = std::make_unique<Coordination>(
        Coordination::Parts{*directory_, *store_, presence_, *enrollment_, *tickets_, *machines_},
        clock_);
    MESH_TRY(make_administration());
    housekeeper_ = std::make_unique<Housekeeper>(
        *directory_, *store_, presence_, relay_presence_, clock_, mono_,
        Housekeeper::Options{options_.ephemeral_lifetime, options_.reconnect_grace});
    MESH_TRY_ASSIGN(
        grpc_, rpc::start_grpc_server({options_.listen, identity_.chain_pem, identity_.key_pem},
                                      {*gatekeeper_,
                                       *coordination_,
                                       *relays_,
                                       {*users_, *tokens_, *keys_, *nodes_, *policies_,
                                        *relay_administration_, *audit_, *settings_, *lock_},
                                       reception_.get()}));
    housekeeper_->start();
    audit_->start();
    return start_pages();
  }

  std::uint16_t port() const override { return grpc_->port(); }
  std::uint16_t http_port() const override { return http_ ? http_->port() : 0; }
  std::uint16_t sign_in_port() const override { return office_ ? office_->port() : 0; }
  const topology::CaFingerprint& fingerprint() const override { return identity_.fingerprint; }
  bool is_new() const override {
    return directory_->read([](const View& view) { return view.users.empty(); });
  }

  bool has_newer_certificate() const override {
    const auto found = open_identity(options_, state_, clock_());
    if (!found) {
      spdlog::warn("the certificate is not renewed, it expires at {}: {}",
                   rpc::format_time(identity_.expires_at), found.error().message());
      return false;
    }
    if (found->fingerprint != identity_.fingerprint) {
      spdlog::warn("the certificate in {} has another authority, which no node trusts: not taken",
                   options_.tls_cert);
      return false;
    }
    return found->chain_pem != identity_.chain_pem;
  }

 private:
  Status open_store() {
    const WantedOverlay wanted{options_.overlay_v4, options_.overlay_v6};
    MESH_TRY_ASSIGN(store_, store::open_sqlite_store(state_.path_of(kStoreFile)));
    MESH_TRY_ASSIGN(auto contents, store_->load());
    if (!contents.meta) {
      MESH_TRY(initialise(*store_, state_, wanted, identity_.fingerprint, clock_()));
      MESH_TRY_ASSIGN(contents, store_->load());
      spdlog::info("policy 1, the starter policy, is in force: own devices reach each other");
    }
    MESH_TRY(check_wanted(contents.meta->overlay, wanted));
    MESH_TRY_ASSIGN(auto policy, open_policy(*store_, contents, options_.policy, clock_()));
    MESH_TRY_ASSIGN(auto lock, open_lock(contents));
    directory_ = Directory::open(*store_, std::move(contents), std::move(policy), std::move(lock));
    return {};
  }

  // The provider may be down: it is asked when somebody signs in.
  Status open_sign_in() {
    MESH_TRY(check_sign_in_options(options_.sign_in));
    if (options_.sign_in.issuer.empty()) return {};
    sign_in_users_ = std::make_unique<SignInUsers>(*directory_, *store_, clock_);
    const auto take = [users = sign_in_users_.get()](const signin::Newcomer& newcomer,
                                                     const signin::Identity& identity) {
      return users->take(newcomer, identity);
    };
    MESH_TRY_ASSIGN(office_, open_sign_in_office(options_.sign_in, {clock_, mono_}, take));
    spdlog::info("people sign in at {}, {}", options_.sign_in.issuer,
                 options_.sign_in.url.empty() ? "on its own page"
                                              : "by way of " + options_.sign_in.url +
                                                    ", served on " + options_.sign_in.listen);
    reception_ =
        std::make_unique<SignInReception>(*proofs_, office_->desk(), identity_.fingerprint);
    return {};
  }

  // The parts of the Admin service.
  Status make_administration() {
    requests_ = std::make_unique<RequestMemory>(*directory_, *store_, clock_);
    users_ = std::make_unique<UserAdministration>(*directory_, *store_, *requests_,
                                                  options_.sign_in.issuer, clock_);
    tokens_ = std::make_unique<TokenAdministration>(*directory_, *store_, *requests_,
                                                    identity_.fingerprint, clock_);
    keys_ = std::make_unique<KeyAdministration>(*directory_, *store_, *requests_,
                                                identity_.fingerprint, clock_);
    nodes_ = std::make_unique<NodeAdministration>(*directory_, *store_, presence_, clock_);
    lock_ = std::make_unique<LockAdministration>(*directory_, *store_, clock_);
    settings_ = std::make_unique<SettingsAdministration>(*directory_, *store_, clock_);
    policies_ = std::make_unique<PolicyAdministration>(*directory_, *store_, presence_,
                                                       policy_counts_, clock_);
    relay_administration_ =
        std::make_unique<RelayAdministration>(*directory_, *store_, relay_presence_, clock_);
    std::unique_ptr<AuditJournal> journal;
    if (!options_.audit_log.empty()) {
      MESH_TRY_ASSIGN(journal, AuditJournal::open(options_.audit_log, *store_));
    }
    audit_ = std::make_unique<AuditDesk>(*directory_, *store_, std::move(journal), clock_);
    return {};
  }

  Status start_pages() {
    if (options_.http_listen.empty()) return {};
    MESH_TRY_ASSIGN(const auto endpoint, Endpoint::parse(options_.http_listen));
    host::HttpPages pages;
    pages.metrics = [this] {
      return render_metrics(*directory_, presence_, policy_counts_,
                            {identity_.expires_at, clock_()}, office_ ? &office_->desk() : nullptr);
    };
    pages.is_healthy = [this] { return clock_() < identity_.expires_at; };
    MESH_TRY_ASSIGN(http_, host::start_http_server(endpoint, std::move(pages)));
    return {};
  }

  ServerOptions options_;
  StateDir state_;
  TlsIdentity identity_;
  WallClock clock_;
  MonoReading mono_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Directory> directory_;
  Presence presence_;
  RelayPresence relay_presence_;
  std::unique_ptr<TicketOffice> tickets_;
  std::unique_ptr<Proofs> proofs_;
  std::unique_ptr<MachineUse> machines_;
  std::unique_ptr<SignInUsers> sign_in_users_;
  std::unique_ptr<SignInOffice> office_;  // its threads call sign_in_users_
  std::unique_ptr<SignInReception> reception_;
  std::unique_ptr<Enrollment> enrollment_;
  std::unique_ptr<RelayRegistry> relays_;
  std::unique_ptr<RelayAdministration> relay_administration_;
  std::unique_ptr<DenialLog> denials_;
  std::unique_ptr<Gatekeeper> gatekeeper_;
  std::unique_ptr<Coordination> coordination_;
  PolicyCounts policy_counts_;
  std::unique_ptr<RequestMemory> requests_;
  std::unique_ptr<UserAdministration> users_;
  std::unique_ptr<TokenAdministration> tokens_;
  std::unique_ptr<KeyAdministration> keys_;
  std::unique_ptr<NodeAdministration> nodes_;
  std::unique_ptr<SettingsAdministration> settings_;
  std::unique_ptr<LockAdministration> lock_;
  std::unique_ptr<PolicyAdministration> policies_;
  std::unique_ptr<AuditDesk> audit_;
  std::unique_ptr<Housekeeper> housekeeper_;
  std::unique_ptr<rpc::GrpcServer> grpc_;
  std::unique_ptr<host::HttpServer> http_;
};

}  // namespace

WallTime system_now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

Result<std::unique_ptr<Server>> start_server(const ServerOptions& options, WallClock clock,
                                             MonoReading mono) {
  MESH_TRY_ASSIGN(auto state, StateDir::open(options.state_dir));
  MESH_TRY(check_not_lost(state));  // before there is another authority
  MESH_TRY_ASSIGN(auto identity, open_identity(options, state, clock()));
  auto server = std::make_unique<AssembledServer>(options, std::move(state), std::move(identity),
                                                  std::move(clock), std::move(mono));
  MESH_TRY(server->start());
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace kernmesh::server
