// SPDX-License-Identifier: Apache-2.0
// The audit log as JSON lines in a file (L3; one thread). The store has it in any case: what the
// file could not take is written when it can again, in order and once. A file that was moved away
// is made anew.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/result.h"
#include "controller/base/unique_fd.h"
#include "controller/store/store.h"

namespace kernmesh::server {

class AuditJournal {
 public:
  // Goes on behind the last event that both have, so that after a restore of an older backup the
  // file gets what the restored store has since; an empty or new file begins with what happens from
  // now on. The store outlives it. Errors: the file cannot be opened, or is not such a file.
  static Result<std::unique_ptr<AuditJournal>> open(const std::string& path, store::Store& store);

  // Appends what the store has and the file has not. After an error (a full disk) the next call
  // begins where this one has stopped.
  Status catch_up();

 private:
  AuditJournal(std::string path, store::Store& store) : path_(std::move(path)), store_(store) {}
  Status open_file();
  Status reopen_if_moved();
  Status append(const std::string& lines);

  std::string path_;
  store::Store& store_;
  UniqueFd file_;
  AuditId written_;
  bool torn_ = false;  // the file may end within a line
};

// {"id": 7, "time": "2026-11-22T08:00:00Z", "actor": …, "action": …, "subject": …, "detail": …,
// "from": … or null}
std::string audit_line(const store::AuditRecord& record);

// What tells one event of a file from another.
struct FiledEvent {
  AuditId id;
  std::string time;
  std::string action;
};
// Those in the whole lines of a file's end, newest first; none when there is none. Any bytes.
std::vector<FiledEvent> events_in(std::string_view tail);

}  // namespace kernmesh::server
