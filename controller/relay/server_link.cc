// SPDX-License-Identifier: Apache-2.0
#include "controller/relay/server_link.h"

#include <sodium.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

#include "controller/core/relay/message.h"
#include "controller/relay/own_addresses.h"
#include "controller/rpc/certificate.h"
#include "controller/rpc/pinned_ca.h"

namespace kernmesh::relay {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kReportEvery = seconds(5);
constexpr auto kConnectTimeout = seconds(10);
constexpr auto kLeastPause = milliseconds(500);  // before the next try; doubles, up to 30 s
constexpr const char* kCaFile = "server-ca.pem";

std::string host_name() {
  char name[HOST_NAME_MAX + 1] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "relay";
}

}  // namespace

ServerLink::ServerLink(LinkOptions options, Ports ports, const StateDir& files, Events events)
    : options_(std::move(options)), ports_(ports), files_(files), events_(std::move(events)) {}

Result<std::unique_ptr<ServerLink>> ServerLink::start(const LinkOptions& options, Ports ports,
                                                      const StateDir& files, Events events) {
  std::unique_ptr<ServerLink> link(new ServerLink(options, ports, files, std::move(events)));
  if (link->options_.join_key.empty()) {
    const auto stored = files.read_text(kCaFile);
    if (!stored) {
      return Error(ErrorCode::kInvalid,
                   "this relay has not joined " + options.server +
                       " yet: --key mk-… as `meshadm key create --relay` prints it");
    }
  } else {
    MESH_TRY_ASSIGN(link->ticket_, topology::parse_ticket(options.join_key));
    if (link->ticket_->kind != topology::TicketKind::kJoinKey) {
      return Error(ErrorCode::kInvalid, "--key is an administrator token, not a join key (mk-…)");
    }
  }
  MESH_TRY_ASSIGN(link->machine_key_, files.machine_key());
  MESH_TRY_ASSIGN(const auto key, files.key());
  link->relay_key_ = relay_public_key(key);
  link->thread_ = std::thread([raw = link.get()] { raw->run(); });
  return link;
}

ServerLink::~ServerLink() {
  std::shared_ptr<rpc::RelayRegistrar> calls;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    calls = calls_;
    changed_.notify_all();
  }
  if (calls) calls->cancel();
  if (thread_.joinable()) thread_.join();
}

void ServerLink::set_load(const mesh::v1::RelayLoad& load) {
  const std::lock_guard lock(mutex_);
  load_ = load;
}

bool ServerLink::pause(Duration duration) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, duration, [this] { return stopping_; });
  return !stopping_;
}

void ServerLink::run() {
  std::string said;
  milliseconds wait = kLeastPause;
  do {
    heard_ = false;
    const Error ended = talk();
    if (heard_) wait = kLeastPause;
    const bool session_is_over = heard_ && ended.code() == ErrorCode::kUnauthenticated;
    if (!session_is_over && ended.message() != said) {
      spdlog::warn("no word with {}: {}; going on with what it said last", options_.server,
                   ended.message());
    }
    said = session_is_over ? "" : ended.message();
    if (ended.code() == ErrorCode::kNotFound) {
      orders_.reset();
      events_.on_removed();
    }
    const auto spread = randombytes_uniform(static_cast<std::uint32_t>(wait.count() / 2 + 1));
    if (!pause(wait + milliseconds(spread))) return;
    wait = std::min<milliseconds>(wait * 2, seconds(30));
  } while (true);
}

// The authority is pinned by the join key's fingerprint when there is one, then kept.
Status ServerLink::connect() {
  {
    const std::lock_guard lock(mutex_);
    if (calls_) return {};
  }
  auto stored = files_.read_text(kCaFile);
  std::string pem = stored ? *stored : "";
  if (ticket_) {
    const auto facts = rpc::read_certificates(pem);
    const bool same = facts && !facts->empty() && facts->front().fingerprint == ticket_->ca;
    if (!same) {
      MESH_TRY_ASSIGN(pem, rpc::fetch_ca_pem(options_.server, ticket_->ca, kConnectTimeout));
      MESH_TRY(files_.write_text(kCaFile, pem));
    }
  }
  MESH_TRY_ASSIGN(const auto facts, rpc::read_certificates(pem));
  auto calls =
      std::make_shared<rpc::RelayRegistrar>(options_.server, pem, facts.front().fingerprint);
  const std::lock_guard lock(mutex_);
  calls_ = std::move(calls);
  return {};
}

Error ServerLink::talk() {
  if (const Status connected = connect(); !connected) return connected.error();
  std::shared_ptr<rpc::RelayRegistrar> calls;
  {
    const std::lock_guard lock(mutex_);
    calls = calls_;
  }
  const auto session =
      calls->register_relay({machine_key_, relay_key_, options_.join_key,
                             options_.name.empty() ? host_name() : options_.name, options_.region});
  if (!session) return session.error();
  spdlog::info("relay {} ({}) of {}", to_string(session->relay), session->name, options_.server);
  do {
    rpc::RelayReport report;
    report.endpoints = options_.endpoints.empty() ? own_endpoints(ports_.udp) : options_.endpoints;
    report.tls_port = ports_.tls;
    report.tls_fingerprint = ports_.tls_fingerprint;
    {
      const std::lock_guard lock(mutex_);
      report.load = load_;
    }
    const auto orders = calls->report(*session, report);
    if (!orders) return orders.error();
    heard_ = true;
    if (orders_ != *orders) {
      orders_ = *orders;
      events_.on_orders(*orders);
    }
  } while (pause(kReportEvery));
  return {ErrorCode::kUnavailable, "stopping"};
}

}  // namespace kernmesh::relay
