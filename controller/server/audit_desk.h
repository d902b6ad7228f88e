// SPDX-License-Identifier: Apache-2.0
// Who reads the audit log (L3, thread-safe): callers by page, streams of events, and the file. One
// thread of its own wakes streams and writes the file, so that a commit waits for neither.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "controller/rpc/admin_handlers.h"
#include "controller/server/audit_journal.h"
#include "controller/server/directory.h"
#include "controller/server/wall_clock.h"

namespace kernmesh::server {

// Streams at a time; each holds at most kEventsHeld events that its reader has not taken. The rest
// waits in the store, so that a slow reader costs no memory.
inline constexpr std::size_t kMaxEventStreams = 100;
inline constexpr std::size_t kEventsHeld = 100;
// A reader that has not taken an event for so long is dropped; it resumes when it comes back.
inline constexpr auto kMaxEventStall = std::chrono::seconds(60);

class AuditDesk : public rpc::AuditHandler {
 public:
  // All outlive it; without a journal there is no file.
  AuditDesk(Directory& directory, store::Store& store, std::unique_ptr<AuditJournal> journal,
            WallClock clock);
  ~AuditDesk() override { stop(); }

  void start();
  // Ends the thread and every stream, also those that open later. Changes may still come, as with
  // Housekeeper::stop().
  void stop();

  Result<mesh::v1::ListAuditEventsResponse> list_audit_events(
      const rpc::Caller&, const mesh::v1::ListAuditEventsRequest&) override;
  Result<std::unique_ptr<rpc::EventSource>> watch_events(
      const rpc::Caller&, const mesh::v1::WatchEventsRequest&,
      std::shared_ptr<rpc::UpdateStream> stream) override;
  void closed(const rpc::UpdateStream* stream) override;

 private:
  struct Open {
    rpc::Principal person;
    // Shared with gRPC, which drops its share when the stream is done.
    std::shared_ptr<rpc::UpdateStream> stream;
  };
  void run();
  void write_file();
  void check_streams();
  std::vector<Open> streams() const;

  Directory& directory_;
  store::Store& store_;
  std::unique_ptr<AuditJournal> journal_;  // the thread's
  bool file_is_well_ = true;               // the thread's
  WallClock clock_;
  mutable std::mutex mutex_;
  std::condition_variable condition_;
  std::map<const rpc::UpdateStream*, Open> streams_;
  bool changed_ = true;  // what was committed before the start is to be written too
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace kernmesh::server
