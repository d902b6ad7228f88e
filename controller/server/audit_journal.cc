// SPDX-License-Identifier: Apache-2.0
#include "controller/server/audit_journal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "controller/base/timestamp.h"

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

std::optional<AuditId> last_id_in(std::string_view tail) {
  while (!tail.empty()) {
    const auto end = tail.rfind('\n');
    if (end == std::string_view::npos) return std::nullopt;
    const auto before = end == 0 ? std::string_view::npos : tail.rfind('\n', end - 1);
    const auto begin = before == std::string_view::npos ? 0 : before + 1;
    const auto line = nlohmann::json::parse(tail.substr(begin, end - begin), nullptr, false);
    if (line.is_object() && line.contains("id") && line["id"].is_number_unsigned()) {
      return AuditId(line["id"].get<std::uint64_t>());
    }
    tail = tail.substr(0, begin);
  }
  return std::nullopt;
}

Result<std::unique_ptr<AuditJournal>> AuditJournal::open(const std::string& path,
                                                         store::Store& store) {
  std::unique_ptr<AuditJournal> journal(new AuditJournal(path, store));
  MESH_TRY(journal->open_file());
  MESH_TRY_ASSIGN(const auto tail, read_tail(path));
  const auto last = last_id_in(tail);
  if (!last && !tail.empty()) {
    return Error(ErrorCode::kInvalid, path + " is not an audit log: name another file");
  }
  MESH_TRY_ASSIGN(const auto newest, store.newest_audit());
  // The log of another network, or of this one before an older backup of it was restored.
  journal->written_ = std::min(last.value_or(newest), newest);
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
