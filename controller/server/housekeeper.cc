// SPDX-License-Identifier: Apache-2.0
#include "controller/server/housekeeper.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "controller/server/audit.h"
#include "controller/server/key_care.h"
#include "controller/server/relay_registry.h"
#include "controller/server/watch_source.h"

namespace kernmesh::server {
namespace {

constexpr auto kTick = std::chrono::seconds(1);

void log_failure(const char* what, const Status& status) {
  if (!status) spdlog::error("{}: {}", what, status.error().message());
}

store::AuditEvent server_event(WallTime now, const char* action, const store::NodeRecord& record) {
  return {now, "server", action, subject_of(record), "", ""};
}

// Also one whose only stream was too short for anybody to have looked: then it has reported.
bool has_ever_connected(const store::NodeRecord& record) {
  return record.node.last_seen_at != WallTime{} || record.facts.applied != MapVersion{} ||
         !record.facts.kernel_release.empty();
}

}  // namespace

Housekeeper::Housekeeper(Directory& directory, store::Store& store, Presence& presence,
                         const RelayPresence& relays, WallClock clock, MonoReading mono,
                         Options options)
    : directory_(directory),
      store_(store),
      presence_(presence),
      relays_(relays),
      clock_(std::move(clock)),
      mono_(std::move(mono)),
      options_(options),
      waking_(directory, presence),
      started_(Clock::now()),
      flushed_(started_) {
  directory_.on_network_change([this] {
    const std::lock_guard lock(mutex_);
    changed_ = true;
    condition_.notify_one();
  });
}

void Housekeeper::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    condition_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
  for (const auto& open : presence_.streams()) {
    open.stream->end(Error(ErrorCode::kUnavailable, "the server is stopping"));
  }
}

void Housekeeper::start() {
  thread_ = std::thread([this] { run(); });
}

void Housekeeper::run() {
  auto next_tick = Clock::now() + kTick;
  for (;;) {
    bool changed = false;
    {
      std::unique_lock lock(mutex_);
      condition_.wait_until(lock, next_tick, [this] { return changed_ || stopping_; });
      if (stopping_) break;
      changed = std::exchange(changed_, false);
    }
    if (changed) {
      const auto due = waking_.due();
      check(due);
      tell(due);
    }
    if (Clock::now() < next_tick) continue;
    next_tick = Clock::now() + kTick;
    check(presence_.streams());
    look_after_keys();
    remove_ephemeral();
    if (Clock::now() - flushed_ >= kFlushInterval) flush_presence();
    check_relays();
    remind_streams();
  }
  flush_presence();
}

void Housekeeper::tell(const std::vector<OpenStream>& streams) {
  for (const auto& open : streams) open.stream->wake();
}

// Keepalives: a slice of the streams each tick, so that none comes late and few are woken at once.
void Housekeeper::remind_streams() {
  constexpr auto kSlices = static_cast<std::uint64_t>(kKeepaliveCheck / kTick);
  auto streams = presence_.streams();
  std::erase_if(streams, [&](const OpenStream& open) {
    return open.caller.node.value() % kSlices != ticks_ % kSlices;
  });
  tell(streams);
  ++ticks_;
}

void Housekeeper::check(const std::vector<OpenStream>& streams) {
  const WallTime now = clock_();
  for (const auto& open : streams) {
    const auto& caller = open.caller;
    const Status standing = directory_.read(
        [&](const View& view) { return check_standing(view, caller.node, caller.machine_key); });
    if (!standing) {
      open.stream->end(standing.error());
    } else if (now >= caller.token_expires_at) {
      open.stream->end(
          Error(ErrorCode::kUnauthenticated, "the session token has expired: register again"));
    } else if (open.stream->stalled_for() > kMaxStall) {
      open.stream->end(Error(ErrorCode::kUnavailable, "updates were not read: resume the watch"));
    }
  }
}

void Housekeeper::look_after_keys() {
  const auto online = presence_.online();
  const auto status = commit_planned(
      directory_, store_, [&](const View& view) { return plan_key_care(view, online, clock_()); });
  log_failure("look after node keys", status);
}

// One that still counts as connected has not been seen to leave yet; one that never came may be on
// its way.
bool Housekeeper::is_gone(const store::NodeRecord& record, const std::set<NodeId>& online) const {
  return record.node.ephemeral && !record.node.online && !online.contains(record.node.id) &&
         has_ever_connected(record);
}

void Housekeeper::note_gone(const std::set<NodeId>& online) {
  std::map<NodeId, MonoTime> gone;
  directory_.read([&](const View& view) {
    for (const auto& [id, record] : view.nodes) {
      if (!is_gone(record, online)) continue;
      const auto known = gone_since_.find(id);
      gone.emplace(id, known == gone_since_.end() ? mono_() : known->second);
    }
  });
  gone_since_ = std::move(gone);
}

void Housekeeper::remove_ephemeral() {
  if (Clock::now() - started_ < options_.reconnect_grace) return;
  const auto online = presence_.online();
  note_gone(online);
  const auto is_over = [&](NodeId id) {
    const auto since = gone_since_.find(id);
    return since != gone_since_.end() && mono_() >= since->second + options_.ephemeral_lifetime;
  };
  const WallTime now = clock_();
  const auto status =
      commit_planned(directory_, store_, [&](const View& view) -> Result<store::Commit> {
        store::Commit commit;
        commit.audience = store::Audience::kNetwork;
        for (const auto& [id, record] : view.nodes) {
          const auto& node = record.node;
          const WallTime seen = std::max(node.last_seen_at, node.created_at);
          if (!is_gone(record, online) || !is_over(id)) continue;
          if (now < seen + options_.ephemeral_lifetime) continue;
          commit.removals.emplace_back(store::Removal<NodeId>{id, record.written});
          commit.audit.push_back(server_event(now, "node.remove_ephemeral", record));
        }
        return commit;
      });
  log_failure("remove ephemeral nodes", status);
}

// Relays that had reported to the run before have as long to come back as they have to report.
void Housekeeper::check_relays() {
  if (Clock::now() - started_ < kRelaySilence) return;
  log_failure("write which relays are heard",
              note_silent_relays(directory_, store_, relays_, clock_()));
}

void Housekeeper::flush_presence() {
  flushed_ = Clock::now();
  const bool grace = flushed_ - started_ < options_.reconnect_grace;
  const auto online = presence_.online();
  const auto facts = presence_.pending_facts();
  const WallTime now = clock_();
  const auto status =
      commit_planned(directory_, store_, [&](const View& view) -> Result<store::Commit> {
        store::Commit commit;
        for (const auto& [id, record] : view.nodes) {
          const bool connected = online.contains(id);
          const bool left = record.node.online && !connected && !grace;
          const bool came = !record.node.online && connected;
          const auto told = facts.find(id);
          if (!left && !came && told == facts.end()) continue;
          auto changed = record;
          if (left || came) {
            commit.audience = store::Audience::kNetwork;
            changed.node.online = connected;
            changed.node.last_seen_at = now;
          }
          if (told != facts.end()) changed.facts = told->second;
          commit.puts.emplace_back(std::move(changed));
        }
        return commit;
      });
  if (status) presence_.written(facts);
  log_failure("write which nodes are connected", status);
}

}  // namespace kernmesh::server
