// SPDX-License-Identifier: Apache-2.0
#include "controller/server/audit_desk.h"

#include <spdlog/spdlog.h>

#include <deque>

#include "controller/rpc/convert.h"
#include "controller/rpc/field_violation.h"
#include "controller/rpc/paging.h"
#include "controller/server/gatekeeper.h"

namespace kernmesh::server {
namespace {

namespace v1 = mesh::v1;

constexpr auto kDeskTick = std::chrono::seconds(1);

v1::AuditEvent describe_event(const store::AuditRecord& record) {
  v1::AuditEvent message;
  message.set_id(record.id.value());
  message.set_at(rpc::to_wire(record.event.at));
  message.set_actor(record.event.actor);
  message.set_action(record.event.action);
  message.set_subject(record.event.subject);
  message.set_detail(record.event.detail);
  message.set_from(record.event.from);
  return message;
}

store::AuditQuery query_from(const v1::AuditFilter& filter) {
  store::AuditQuery query;
  query.actor = filter.actor();
  query.action = filter.action();
  query.since = WallTime(std::chrono::seconds(filter.since()));
  query.until = WallTime(std::chrono::seconds(filter.until()));
  return query;
}

class StoredEvents final : public rpc::EventSource {
 public:
  StoredEvents(store::Store& store, store::AuditQuery query)
      : store_(store), query_(std::move(query)) {}

  bool next(v1::AuditEvent& message) override {
    if (held_.empty() && !refill()) return false;
    message = describe_event(held_.front());
    held_.pop_front();
    return true;
  }

 private:
  bool refill() {
    const auto records = store_.audit(query_);
    if (!records) {
      spdlog::error("read the audit log: {}", records.error().message());
      return false;
    }
    if (records->empty()) return false;
    held_.assign(records->begin(), records->end());
    query_.beyond = held_.back().id;
    return true;
  }

  store::Store& store_;
  store::AuditQuery query_;
  std::deque<store::AuditRecord> held_;
};

}  // namespace

AuditDesk::AuditDesk(Directory& directory, store::Store& store,
                     std::unique_ptr<AuditJournal> journal, WallClock clock)
    : directory_(directory), store_(store), journal_(std::move(journal)), clock_(std::move(clock)) {
  directory_.on_audit([this] {
    const std::lock_guard lock(mutex_);
    changed_ = true;
    condition_.notify_one();
  });
}

void AuditDesk::start() {
  thread_ = std::thread([this] { run(); });
}

void AuditDesk::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    condition_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
  for (const auto& open : streams()) {
    open.stream->end(Error(ErrorCode::kUnavailable, "the server is stopping"));
  }
}

void AuditDesk::run() {
  for (bool stopping = false; !stopping;) {
    bool changed = false;
    {
      std::unique_lock lock(mutex_);
      condition_.wait_for(lock, kDeskTick, [this] { return changed_ || stopping_; });
      changed = std::exchange(changed_, false);
      stopping = stopping_;
    }
    if (changed || !file_is_well_) write_file();
    if (changed) {
      for (const auto& open : streams()) open.stream->wake();
    }
    check_streams();
  }
}

// A disk that is full must not fill it further with complaints.
void AuditDesk::write_file() {
  if (!journal_) return;
  const auto status = journal_->catch_up();
  if (!status && file_is_well_) {
    spdlog::error("the audit log's file: {}; what is missing follows when it can be written",
                  status.error().message());
  }
  if (status && !file_is_well_) spdlog::info("the audit log's file is written again");
  file_is_well_ = static_cast<bool>(status);
}

void AuditDesk::check_streams() {
  const auto& method = rpc::access_of("/mesh.v1.Admin/WatchEvents");
  for (const auto& open : streams()) {
    const Status standing = directory_.read([&](const View& view) -> Status {
      MESH_TRY_ASSIGN(const auto person, current(view, open.person, clock_()));
      return check_person(method, person.role, person.scope);
    });
    if (!standing) {
      open.stream->end(standing.error());
    } else if (open.stream->stalled_for() > kMaxEventStall) {
      open.stream->end(Error(ErrorCode::kUnavailable, "events were not read: resume the watch"));
    }
  }
}

std::vector<AuditDesk::Open> AuditDesk::streams() const {
  const std::lock_guard lock(mutex_);
  std::vector<Open> all;
  for (const auto& [raw, open] : streams_) all.push_back(open);
  return all;
}

Result<v1::ListAuditEventsResponse> AuditDesk::list_audit_events(
    const rpc::Caller&, const v1::ListAuditEventsRequest& request) {
  MESH_TRY_ASSIGN(const auto page, rpc::page_of(request));
  auto query = query_from(request.filter());
  query.order = store::AuditOrder::kNewestFirst;
  query.beyond = AuditId(page.after);
  query.most = page.most + 1;  // one more says whether there is another page
  MESH_TRY_ASSIGN(auto records, store_.audit(query));
  v1::ListAuditEventsResponse response;
  if (records.size() > page.most) {
    records.pop_back();
    response.set_next_page_token(rpc::page_token(records.back().id.value()));
  }
  for (const auto& record : records) *response.add_events() = describe_event(record);
  return response;
}

Result<std::unique_ptr<rpc::EventSource>> AuditDesk::watch_events(
    const rpc::Caller& caller, const v1::WatchEventsRequest& request,
    std::shared_ptr<rpc::UpdateStream> stream) {
  const bool has_since = request.filter().since() != 0;
  if (has_since || request.filter().until() != 0) {
    return rpc::in_field(
        has_since ? "filter.since" : "filter.until",
        Error(ErrorCode::kInvalid, "a watch has no times: name an event to go on after"));
  }
  auto query = query_from(request.filter());
  query.most = kEventsHeld;
  query.beyond = AuditId(request.after_id());
  if (!request.has_after_id()) {
    MESH_TRY_ASSIGN(query.beyond, store_.newest_audit());
  }
  auto source = std::make_unique<StoredEvents>(store_, std::move(query));
  const auto* raw = stream.get();
  const std::lock_guard lock(mutex_);
  if (stopping_) return Error(ErrorCode::kUnavailable, "the server is stopping");
  if (streams_.size() >= kMaxEventStreams) {
    return Error(ErrorCode::kExhausted,
                 "there are " + std::to_string(kMaxEventStreams) + " watches already");
  }
  streams_[raw] = {caller.person, std::move(stream)};
  return std::unique_ptr<rpc::EventSource>(std::move(source));
}

void AuditDesk::closed(const rpc::UpdateStream* stream) {
  const std::lock_guard lock(mutex_);
  streams_.erase(stream);
}

}  // namespace kernmesh::server
