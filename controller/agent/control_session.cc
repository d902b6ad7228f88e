// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/control_session.h"

#include <sodium.h>

#include <algorithm>

namespace kernmesh::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

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
      join_key_(std::move(join_key)) {
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

void ControlSession::run_watch() {
  Backoff backoff;
  do {
    rpc::Registration registration{config_.identity.machine, node_public_key(config_.identity.node),
                                   disco_public_key(config_.identity.disco), "", config_.hostname};
    {
      const std::lock_guard lock(mutex_);
      registration.join_key = join_key_;
    }
    auto session = client_.register_node(registration);
    if (!session) {
      events_.on_disconnected(session.error());
      continue;
    }
    {
      const std::lock_guard lock(mutex_);
      join_key_.clear();
      session_ = *session;
      if (endpoints_ && new_endpoints_.empty()) new_endpoints_.put(*endpoints_);
      if (applied_ && new_applied_.empty()) new_applied_.put(*applied_);
      if (home_ && new_home_.empty()) new_home_.put(*home_);
      changed_.notify_all();
    }
    events_.on_connected();
    const Error ended = client_.watch(*session, events_.held(), [&](Result<rpc::Update> update) {
      const Status taken = events_.on_update(std::move(update));
      if (taken) backoff.reset();
      return taken;
    });
    {
      const std::lock_guard lock(mutex_);
      session_.reset();
    }
    events_.on_disconnected(ended);
  } while (pause(backoff.next()));
}

void ControlSession::run_reports() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] {
      const bool has_news = !new_endpoints_.empty() || !new_applied_.empty() || !new_home_.empty();
      return stopping_ || (session_ && has_news);
    });
    if (stopping_) return;
    rpc::Report report;
    report.endpoints = new_endpoints_.take();
    report.applied = new_applied_.take();
    report.home_relay = new_home_.take();
    report.kernel_release = config_.kernel_release;
    const rpc::Session session = *session_;
    lock.unlock();
    const Status sent = client_.report(session, report);
    lock.lock();
    if (sent || is_final(sent.error()))
      continue;  // what the server refuses for good is not repeated
    // Kept for the next try, unless something newer came meanwhile.
    if (report.endpoints && new_endpoints_.empty()) new_endpoints_.put(*report.endpoints);
    if (report.applied && new_applied_.empty()) new_applied_.put(*report.applied);
    if (report.home_relay && new_home_.empty()) new_home_.put(*report.home_relay);
    changed_.wait_for(lock, seconds(1), [this] { return stopping_; });
  }
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
    const std::lock_guard lock(mutex_);
    session = session_;
  }
  if (!session) return Error(ErrorCode::kUnavailable, "there is no session with the server");
  return client_.leave(*session);
}

}  // namespace kernmesh::agent
