// SPDX-License-Identifier: Apache-2.0
#include "controller/server/audit_journal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "controller/base/timestamp.h"
#include "controller/server/audit.h"

namespace kernmesh::server {
namespace {

constexpr std::size_t kEventsAtOnce = 100;
// Longer than any line: texts of events are bounded by what a request may hold.
constexpr off_t kMostTail = 256 * 1024;

Result<std::string> read_tail(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!file || fstat(file.get(), &status) != 0) return Error::from_errno("read " + path, errno);
  std::string tail(static_cast<std::size_t>(std::min(status.st_size, kMostTail)), '\0');
  const ssize_t got =
      pread(file.get(), tail.data(), tail.size(), status.st_size - static_cast<off_t>(tail.size()));
  if (got < 0) return Error::from_errno("read " + path, errno);
  tail.resize(static_cast<std::size_t>(got));
  return tail;
}

std::string text_at(const nlohmann::json& line, const char* name) {
  const auto found = line.find(name);
  return found != line.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Whether the store has the event that the file has under this number. Both count from one: after a
// restore of an older backup the numbers come again, for other events.
Result<bool> is_stored(store::Store& store, const FiledEvent& filed) {
  if (filed.id == AuditId()) return false;
  store::AuditQuery query;
  query.beyond = AuditId(filed.id.value() - 1);
  query.most = 1;
  MESH_TRY_ASSIGN(const auto records, store.audit(query));
  if (records.empty() || records.front().id != filed.id) return false;
  const auto& event = records.front().event;
  return format_rfc3339(event.at) == filed.time && event.action == filed.action;
}

// Of a file whose end the store does not have and whose older lines it does not have either: what
// came since the restore is missing there. Without a restore it is another network's file.
Result<AuditId> before_last_restore(store::Store& store, AuditId newest) {
  store::AuditQuery query;
  query.order = store::AuditOrder::kNewestFirst;
  query.action = kRestoreAction;
  query.most = 1;
  MESH_TRY_ASSIGN(const auto records, store.audit(query));
  return records.empty() ? newest : AuditId(records.front().id.value() - 1);
}

// The newest event of the store that the file has.
Result<AuditId> last_of_both(store::Store& store, const std::vector<FiledEvent>& filed) {
  for (const auto& event : filed) {
    MESH_TRY_ASSIGN(const bool stored, is_stored(store, event));
    if (stored) return event.id;
  }
  MESH_TRY_ASSIGN(const auto newest, store.newest_audit());
  return filed.empty() ? newest : before_last_restore(store, newest);
}

}  // namespace

std::string audit_line(const store::AuditRecord& record) {
  const auto& event = record.event;
  nlohmann::ordered_json line;
  line["id"] = record.id.value();
  line["time"] = format_rfc3339(event.at);
  line["actor"] = event.actor;
  line["action"] = event.action;
  line["subject"] = event.subject;
  line["detail"] = event.detail;
  line["from"] = event.from.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(event.from);
  // Bytes that are not UTF-8 must not end the log.
  return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::vector<FiledEvent> events_in(std::string_view tail) {
  std::vector<FiledEvent> found;
  while (!tail.empty()) {
    const auto end = tail.rfind('\n');
    if (end == std::string_view::npos) break;
    const auto before = end == 0 ? std::string_view::npos : tail.rfind('\n', end - 1);
    const auto begin = before == std::string_view::npos ? 0 : before + 1;
    const auto line = nlohmann::json::parse(tail.substr(begin, end - begin), nullptr, false);
    if (line.is_object() && line.contains("id") && line["id"].is_number_unsigned()) {
      found.push_back({AuditId(line["id"].get<std::uint64_t>()), text_at(line, "time"),
                       text_at(line, "action")});
    }
    tail = tail.substr(0, begin);
  }
  return found;
}

Result<std::unique_ptr<AuditJournal>> AuditJournal::open(const std::string& path,
                                                         store::Store& store) {
  std::unique_ptr<AuditJournal> journal(new AuditJournal(path, store));
  MESH_TRY(journal->open_file());
  MESH_TRY_ASSIGN(const auto tail, read_tail(path));
  const auto filed = events_in(tail);
  if (filed.empty() && !tail.empty()) {
    return Error(ErrorCode::kInvalid, path + " is not an audit log: name another file");
  }
  MESH_TRY_ASSIGN(journal->written_, last_of_both(store, filed));
  journal->torn_ = !tail.empty() && tail.back() != '\n';
  return journal;
}

Status AuditJournal::open_file() {
  file_ = UniqueFd(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  if (!file_) return Error::from_errno("open " + path_, errno);
  return {};
}

Status AuditJournal::reopen_if_moved() {
  struct stat at_path {
  }, held{};
  if (stat(path_.c_str(), &at_path) == 0 && fstat(file_.get(), &held) == 0 &&
      at_path.st_dev == held.st_dev && at_path.st_ino == held.st_ino) {
    return {};
  }
  torn_ = false;
  return open_file();
}

// Whole lines or nothing, as far as the file system lets us take back what was begun.
Status AuditJournal::append(const std::string& lines) {
  struct stat before {};
  if (fstat(file_.get(), &before) != 0) return Error::from_errno("write " + path_, errno);
  const std::string text = (torn_ ? "\n" : "") + lines;
  const ssize_t wrote = write(file_.get(), text.data(), text.size());
  if (wrote == static_cast<ssize_t>(text.size())) {
    torn_ = false;
    return {};
  }
  const int why = wrote < 0 ? errno : ENOSPC;
  if (wrote > 0 && ftruncate(file_.get(), before.st_size) != 0) torn_ = true;
  return Error::from_errno("write " + path_, why);
}

Status AuditJournal::catch_up() {
  MESH_TRY(reopen_if_moved());
  for (;;) {
    store::AuditQuery query;
    query.beyond = written_;
    query.most = kEventsAtOnce;
    MESH_TRY_ASSIGN(const auto records, store_.audit(query));
    if (records.empty()) return {};
    std::string lines;
    for (const auto& record : records) lines += audit_line(record);
    MESH_TRY(append(lines));
    written_ = records.back().id;
  }
}

}  // namespace kernmesh::server
