// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/agent.h"

#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <spdlog/spdlog.h>
#include <sys/signalfd.h>

#include <future>

#include "controller/agent/device_removal.h"
#include "controller/agent/file.h"
#include "controller/agent/host_check.h"
#include "controller/agent/host_view.h"
#include "controller/host/http_page.h"
#include "controller/rpc/certificate.h"

namespace kernmesh::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Between attempts to bring the interface up while the kernel refuses.
constexpr auto kBringUpRetryInterval = seconds(5);

Result<topology::CaFingerprint> fingerprint_of(const std::string& ca_pem) {
  MESH_TRY_ASSIGN(const auto facts, rpc::read_certificates(ca_pem));
  return facts.front().fingerprint;
}

// What the kernel maps have room for (controller/bpf/underlay.h, max_peers).
constexpr std::size_t kMostPeers = 16384;

ClockReading read_clocks() { return {host::mono_now(), host::wall_now()}; }

netmap::MergeRules merge_rules(const Identity& identity) {
  netmap::MergeRules rules;
  rules.limits.peers = kMostPeers;
  rules.own = own_keys(identity);
  return rules;
}

Result<std::unique_ptr<MeshNode>> start_node(host::EventLoop& loop, const Instance& instance,
                                             const Identity& identity, Port port,
                                             MeshNode::Events events) {
  MESH_TRY(check_host());
  return MeshNode::start(loop, instance, identity, port, std::move(events));
}

}  // namespace

Agent::Agent(AgentOptions options, Instance instance, host::EventLoop loop, Settings settings,
             Identity identity)
    : options_(std::move(options)),
      instance_(std::move(instance)),
      loop_(std::move(loop)),
      settings_(std::move(settings)),
      identity_(std::move(identity)),
      rotation_(rotation_events()),
      clock_guard_(options_.state_dir),
      lease_(options_.access.max_policy_age, options_.state_dir, read_clocks()) {
  randombytes_buf(run_.data(), run_.size());
}

Agent::~Agent() = default;

Result<std::unique_ptr<Agent>> Agent::open(const AgentOptions& options) {
  MESH_TRY_ASSIGN(auto instance, make_instance(options.mesh_name, options.underlay_name));
  instance.access = options.access;
  MESH_TRY_ASSIGN(auto instance_lock, lock_instance(instance));
  MESH_TRY_ASSIGN(auto state_lock, prepare_state_dir(options.state_dir));
  MESH_TRY_ASSIGN(auto settings, load_settings(options.state_dir));
  MESH_TRY_ASSIGN(auto identity, load_or_create_identity(options.state_dir));
  MESH_TRY_ASSIGN(auto loop, host::EventLoop::open());
  std::unique_ptr<Agent> agent(new Agent(options, std::move(instance), std::move(loop),
                                         std::move(settings), std::move(identity)));
  agent->instance_lock_.emplace(std::move(instance_lock));
  agent->state_lock_ = std::move(state_lock);
  if (const Status loaded = agent->load_stored(); !loaded)
    spdlog::warn("{}", loaded.error().message());
  MESH_TRY(agent->watch_signals());
  return agent;
}

Status Agent::load_stored() {
  if (settings_.server.empty()) return {};
  MESH_TRY_ASSIGN(const auto ca, fingerprint_of(settings_.ca_pem));
  MESH_TRY_ASSIGN(auto map, load_netmap(options_.state_dir, ca));
  open_lock(ca);
  if (!map) return {};
  lock_->admit(*map);
  stored_ = std::make_shared<const netmap::Netmap>(std::move(*map));
  received_ = stored_->version;
  return {};
}

Status Agent::watch_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  // Blocked before any thread is made, so that every thread inherits it.
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_.reset(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) return Error::from_errno("cannot watch signals", errno);
  return loop_.watch(signals_.get(), [this] {
    spdlog::info("stopping; the mesh goes on as it is");
    loop_.stop();
  });
}

Status Agent::run(const std::function<void()>& on_ready) {
  MESH_TRY_ASSIGN(auto server, rpc::LocalServer::start(options_.socket_path, *this));
  std::unique_ptr<host::HttpServer> pages;
  if (!options_.http_listen.empty()) {
    MESH_TRY_ASSIGN(const auto listen, Endpoint::parse(options_.http_listen));
    MESH_TRY_ASSIGN(pages, host::start_http_server(listen, {[this] { return metrics(); },
                                                            [this] { return is_healthy(); }}));
  }
  if (settings_.wanted == Wanted::kUp) resume();
  on_ready();
  const Status ended = loop_.run([this] { return settle(); });
  stopping_ = true;
  pages.reset();
  person_.abandon("the end of the agent");
  end_session();
  server.stop();
  return ended;
}

std::optional<MonoTime> Agent::settle() {
  const MonoTime now = host::mono_now();
  if (node_lost_) {
    node_lost_ = false;
    node_.reset();
    retry_at_ = now;
    spdlog::warn("an interface of the mesh vanished; making it again");
  }
  if (joining_ && now >= joining_->deadline) {
    finish_joining(joining_->last_error.value_or(
        Error(ErrorCode::kUnavailable, "no netmap came from " + settings_.server + " in time")));
  }
  look_after_key(now);
  const bool behind = !node_ || node_->netmap() != stored_ || !node_->is_policy_in_force();
  std::optional<MonoTime> next;
  if (settings_.wanted == Wanted::kUp && !displaced_ && stored_ && behind) {
    if (now >= retry_at_) on_netmap(stored_);
    next = retry_at_;
  }
  const auto sooner = [&next](MonoTime at) { next = next ? std::min(*next, at) : at; };
  if (node_) {
    if (const auto due = node_->settle(now)) sooner(*due);
  }
  if (mapping_) {
    if (const auto due = mapping_->settle(now)) sooner(*due);
  }
  if (const auto due = rotation_.settle(now)) sooner(*due);
  if (joining_) sooner(joining_->deadline);
  return next;
}

// After a restart: what was in force goes on, with the stored netmap, before the server is asked.
void Agent::resume() {
  if (stored_) on_netmap(stored_);
  start_session("");
}

MeshNode::Events Agent::node_events() {
  MeshNode::Events events;
  events.on_endpoints = [this](std::vector<Endpoint> endpoints) {
    endpoints_ = std::move(endpoints);
    if (session_) session_->report_endpoints(endpoints_);
  };
  events.on_home = [this](std::optional<RelayId> home) {
    home_ = home;
    if (session_) session_->report_home(home.value_or(RelayId()));
  };
  events.on_gateway = [this](const std::optional<portmap::Gateway>& gateway, Port port) {
    if (mapping_) mapping_->set_network(host::mono_now(), gateway, port);
  };
  events.on_lost = [this] { node_lost_ = true; };
  events.on_packets = [this](const auto& packets) { on_packets(packets); };
  return events;
}

Status Agent::ensure_node() {
  if (node_) return {};
  const Port port = options_.port.value() != 0 ? options_.port : settings_.public_port;
  // After the signals are blocked, since it has a thread.
  if (!mapping_ && !options_.no_port_mapping) {
    mapping_ = std::make_unique<PortMapping>(loop_, identity_.disco, [this](const auto& external) {
      if (node_) node_->set_mapped(external);
    });
  }
  Instance instance = instance_;
  instance.deny_after = lease_.end();
  Identity identity = identity_;
  identity.node = rotation_.key_in_use().value_or(identity_.node);
  auto node = start_node(loop_, instance, identity, port, node_events());
  if (!node) {
    start_error_ = node.error();
    return node.error();
  }
  node_ = std::move(*node);
  start_error_.reset();
  if (mapping_) node_->set_mapped(mapping_->external());
  set_access();
  if (settings_.public_port != node_->public_port()) {
    settings_.public_port = node_->public_port();
    note_saved(save_settings(options_.state_dir, settings_));
  }
  return {};
}

void Agent::note_saved(const Status& status) {
  save_error_.reset();
  if (status) return;
  save_error_ = status.error();
  spdlog::error("{}", status.error().message());
}

void Agent::on_netmap(NetmapPtr map, const std::optional<NetmapStep>& step) {
  if (settings_.wanted != Wanted::kUp) return;  // it came while going down
  received_ = map->version;
  stored_ = map;
  retry_at_ = host::mono_now() + kBringUpRetryInterval;
  Status applied = ensure_node();
  if (applied && (node_->netmap() != map || !node_->is_policy_in_force()))
    applied = node_->apply(map, step);
  if (!applied) {
    if (!apply_error_ || apply_error_->message() != applied.error().message()) {
      spdlog::error("cannot apply netmap {}.{}: {}", map->version.epoch.value(),
                    map->version.revision.value(), applied.error().message());
    }
    apply_error_ = applied.error();
    if (joining_) finish_joining(applied);
    return;
  }
  apply_error_.reset();
  applied_ = map->version;
  if (session_) session_->report_applied(applied_);
  if (joining_ && connected_) finish_joining({});
}

// What is in force is then what the server wants, unless it could not be applied.
void Agent::on_heard() {
  if (apply_error_) return;
  if (const Status kept = lease_.renew(read_clocks()); !kept)
    spdlog::warn("{}", kept.error().message());
  if (lease_.end() != MonoTime{}) set_access();
}

void Agent::forget_stored() {
  stored_.reset();
  received_ = {};
  note_saved(forget_netmap(options_.state_dir));
}

void Agent::end_session() {
  ++session_number_;
  session_.reset();
  rotation_.abandon();
  receiver_.reset();
  connected_ = false;
}

ControlConfig Agent::control_config(const topology::CaFingerprint& ca) const {
  return {settings_.server,
          settings_.ca_pem,
          ca,
          settings_.hostname.empty() ? machine_hostname() : settings_.hostname,
          kernel_release(),
          identity_,
          run_,
          lock_->endorsement_for(node_public_key(identity_.node))};
}

void Agent::start_session(std::string join_key) {
  const auto ca = fingerprint_of(settings_.ca_pem);
  if (!ca) {
    server_error_ = ca.error().with_context("the stored server certificate");
    return;
  }
  // The session's threads only post, and what they post is done only while the session is in
  // charge.
  const auto in_charge = [this, number = ++session_number_](std::function<void()> work) {
    loop_.post([this, number, work = std::move(work)] {
      if (session_number_ == number) work();
    });
  };
  open_lock(*ca);
  NetmapReceiver::Events received;
  received.admit = [lock = lock_.get()](netmap::Netmap& map) { lock->admit(map); };
  received.on_netmap = [this, in_charge](NetmapPtr map, std::optional<NetmapStep> step) {
    in_charge([this, map = std::move(map), step = std::move(step)] {
      on_netmap(map, step);
      on_heard();
      announce_endorsement();
    });
  };
  received.on_saved = [this, in_charge](const Status& status) {
    in_charge([this, status] { note_saved(status); });
  };
  receiver_ = std::make_unique<NetmapReceiver>(options_.state_dir, *ca, merge_rules(identity_),
                                               stored_, std::move(received));
  ControlSession::Events events;
  NetmapReceiver* receiver = receiver_.get();
  events.on_update = [receiver](Result<rpc::Update> update) {
    return receiver->on_update(std::move(update));
  };
  events.held = [receiver] { return receiver->held(); };
  events.on_connected = [this, in_charge] { in_charge([this] { on_connected(); }); };
  events.on_disconnected = [this, in_charge](const Error& error) {
    in_charge([this, error] { on_disconnected(error); });
  };
  events.on_node_key = [this, in_charge](const Result<NodePublicKey>& told) {
    in_charge(
        [this, told] { told ? rotation_.on_told(*told) : rotation_.on_refused(told.error()); });
  };
  displaced_ = false;
  session_ =
      std::make_unique<ControlSession>(control_config(*ca), std::move(join_key), std::move(events));
  if (!endpoints_.empty()) session_->report_endpoints(endpoints_);
  if (home_) session_->report_home(*home_);
  unconnected_since_ = host::mono_now();
}

void Agent::on_connected() {
  connected_ = true;
  server_error_.reset();
  spdlog::info("connected to {}", settings_.server);
}

Status Agent::take_down() {
  end_session();
  node_.reset();
  if (mapping_) mapping_->give_back();
  home_.reset();
  start_error_.reset();
  apply_error_.reset();
  applied_ = {};
  return remove_device(instance_);
}

Result<NodeId> Agent::find_peer(const std::string& target) const {
  if (!node_ || !node_->netmap())
    return Error(ErrorCode::kUnavailable, "this node is not up; run `meshadm up`");
  const auto address = IpAddress::parse(target);
  for (const auto& [id, peer] : node_->netmap()->peers) {
    const bool has = address && std::find(peer.addresses.begin(), peer.addresses.end(), *address) !=
                                    peer.addresses.end();
    if (has || peer.name == target || to_string(id) == target) return id;
  }
  return Error(ErrorCode::kNotFound, "no peer \"" + target.substr(0, 80) +
                                         "\" in this node's netmap; `meshadm status` "
                                         "lists them");
}

}  // namespace kernmesh::agent
