// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/control_session.h"

#include <sodium.h>

#include <algorithm>

namespace kernmesh::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Peers wait for it with packets in their queues.
constexpr auto kKeyRetryInterval = milliseconds(250);

// Doubles from half a second to half a minute, each with up to half of it again at random, so that
// ten thousand agents do not come back in one moment.
class Backoff {
 public:
  Duration next() {
    const auto base = current_;
    current_ = std::min<milliseconds>(current_ * 2, seconds(30));
    return base +
           milliseconds(randombytes_uniform(static_cast<std::uint32_t>(base.count() / 2 + 1)));
  }
  void reset() { current_ = milliseconds(500); }

 private:
  milliseconds current_{500};
};

}  // namespace

ControlSession::ControlSession(ControlConfig config, std::string join_key, Events events)
    : config_(std::move(config)),
      events_(std::move(events)),
      client_(config_.server, config_.ca_pem, config_.ca),
      join_key_(std::move(join_key)),
      node_key_{config_.identity.node, config_.endorsement},
      told_key_(node_key_) {
  watch_thread_ = std::thread([this] { run_watch(); });
  report_thread_ = std::thread([this] { run_reports(); });
}

ControlSession::~ControlSession() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  client_.cancel();
  watch_thread_.join();
  report_thread_.join();
}

bool ControlSession::is_final(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kInvalid:
    case ErrorCode::kNotFound:
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kPermissionDenied:
    case ErrorCode::kUnauthenticated:
    case ErrorCode::kExpired:
      return true;
    default:
      return false;
  }
}

bool ControlSession::pause(Duration duration) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, duration, [this] { return stopping_; });
  return !stopping_;
}

// Waits for a registration that is under way.
Result<rpc::Session> ControlSession::enroll(std::unique_lock<std::mutex>& lock) {
  changed_.wait(lock, [this] { return !enrolling_; });
  if (leaving_) return Error(ErrorCode::kUnavailable, "this node is leaving");
  const OwnKey key = node_key_;
  const rpc::Registration registration{config_.identity.machine,
                                       node_public_key(key.key),
                                       disco_public_key(config_.identity.disco),
                                       join_key_,
                                       config_.hostname,
                                       config_.instance,
                                       key.endorsement};
  enrolling_ = true;
  lock.unlock();
  auto session = client_.register_node(registration);
  lock.lock();
  enrolling_ = false;
  changed_.notify_all();
  const bool is_newest = node_key_ == key;
  if (session) {
    admitted_ = *session;
    join_key_.clear();
    told_key_ = key;
    if (has_new_key_) events_.on_node_key(registration.node_key);
    has_new_key_ = !is_newest;
  } else if (has_new_key_ && is_newest && is_final(session.error())) {
    node_key_ = told_key_;
    has_new_key_ = false;
    events_.on_node_key(session.error());
  }
  return session;
}

void ControlSession::run_watch() {
  Backoff backoff;
  do {
    std::unique_lock lock(mutex_);
    auto session = enroll(lock);
    if (!session) {
      lock.unlock();
      events_.on_disconnected(session.error());
      continue;
    }
    session_ = *session;
    if (endpoints_ && new_endpoints_.empty()) new_endpoints_.put(*endpoints_);
    if (applied_ && new_applied_.empty()) new_applied_.put(*applied_);
    if (home_ && new_home_.empty()) new_home_.put(*home_);
    changed_.notify_all();
    lock.unlock();
    events_.on_connected();
    const Error ended = client_.watch(*session, events_.held(), [&](Result<rpc::Update> update) {
      const Status taken = events_.on_update(std::move(update));
      if (taken) backoff.reset();
      return taken;
    });
    lock.lock();
    session_.reset();
    lock.unlock();
    events_.on_disconnected(ended);
  } while (pause(backoff.next()));
}

void ControlSession::run_reports() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] {
      const bool has_news =
          has_new_key_ || !new_endpoints_.empty() || !new_applied_.empty() || !new_home_.empty();
      return stopping_ || (session_ && has_news);
    });
    if (stopping_) return;
    if (has_new_key_) {
      tell_key(lock);
    } else {
      send_report(lock);
    }
  }
}

void ControlSession::tell_key(std::unique_lock<std::mutex>& lock) {
  const auto session = enroll(lock);
  if (session && session_) session_ = *session;
  if (!session) changed_.wait_for(lock, kKeyRetryInterval, [this] { return stopping_; });
}

void ControlSession::send_report(std::unique_lock<std::mutex>& lock) {
  rpc::Report report;
  report.endpoints = new_endpoints_.take();
  report.applied = new_applied_.take();
  report.home_relay = new_home_.take();
  report.kernel_release = config_.kernel_release;
  const rpc::Session session = *session_;
  lock.unlock();
  const Status sent = client_.report(session, report);
  lock.lock();
  // What the server refuses for good is not repeated.
  if (sent || is_final(sent.error())) return;
  // Kept for the next try, unless something newer came meanwhile.
  if (report.endpoints && new_endpoints_.empty()) new_endpoints_.put(*report.endpoints);
  if (report.applied && new_applied_.empty()) new_applied_.put(*report.applied);
  if (report.home_relay && new_home_.empty()) new_home_.put(*report.home_relay);
  changed_.wait_for(lock, seconds(1), [this] { return stopping_; });
}

void ControlSession::tell_node_key(const X25519SecretKey& key, Bytes endorsement) {
  const std::lock_guard lock(mutex_);
  node_key_ = {key, std::move(endorsement)};
  has_new_key_ = true;
  changed_.notify_all();
}

void ControlSession::report_endpoints(std::vector<Endpoint> endpoints) {
  const std::lock_guard lock(mutex_);
  if (endpoints_ == endpoints) return;
  endpoints_ = endpoints;
  new_endpoints_.put(std::move(endpoints));
  changed_.notify_all();
}

void ControlSession::report_applied(MapVersion version) {
  const std::lock_guard lock(mutex_);
  if (applied_ == version) return;
  applied_ = version;
  new_applied_.put(version);
  changed_.notify_all();
}

void ControlSession::report_home(relay::RelayId home) {
  const std::lock_guard lock(mutex_);
  if (home_ == home) return;
  home_ = home;
  new_home_.put(home);
  changed_.notify_all();
}

Status ControlSession::leave() {
  std::optional<rpc::Session> session;
  {
    std::unique_lock lock(mutex_);
    leaving_ = true;
    if (!changed_.wait_for(lock, kLeavePatience, [this] { return !enrolling_; })) {
      return Error(ErrorCode::kUnavailable, "it has not answered whether this node is let in");
    }
    session = admitted_;
  }
  if (!session) return Error(ErrorCode::kNotFound, "there is no session with the server");
  return client_.leave(*session);
}

}  // namespace kernmesh::agent
