// SPDX-License-Identifier: Apache-2.0
// What a disk holds after a crash (pure): all that was synced, and of the rest nothing, everything,
// or any part of it in any order, sector by sector. A write whose sync failed may be lost although
// whoever read it back since has seen it (Linux marks such pages clean).
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/unit/store/recorded_disk.h"

namespace kernmesh::store {

enum class Unsynced { kLost, kKept, kTorn };

class CrashedDisk {
 public:
  // `before`: what is on it already, by name.
  explicit CrashedDisk(std::map<std::string, std::string> before) {
    for (auto& [name, content] : before) files_[name] = {true, std::move(content), {}};
  }

  void apply(const DiskOperation& operation) {
    File& file = files_[operation.file];
    switch (operation.kind) {
      case DiskOperation::Kind::kWrite: {
        const auto size = operation.bytes.size() / (operation.failed ? 2 : 1);
        for (std::size_t at = 0; at < size; at += kSector) {
          file.pending.push_back({operation.offset + static_cast<std::int64_t>(at),
                                  operation.bytes.substr(at, std::min(kSector, size - at))});
        }
        break;
      }
      case DiskOperation::Kind::kTruncate:
        if (!operation.failed) file.pending.push_back({operation.offset, std::nullopt});
        break;
      case DiskOperation::Kind::kSync:
        if (!operation.failed) {
          for (const auto& change : file.pending) change.apply_to(file.content);
          file.exists = true;
        }
        file.pending.clear();
        break;
      case DiskOperation::Kind::kDelete:
        // A name may come back when its folder was not synced; SQLite asks for that where it
        // counts.
        if (!operation.failed) files_.erase(operation.file);
        break;
    }
  }

  // Files by name.
  std::map<std::string, std::string> files(Unsynced fate, std::mt19937& random) const {
    std::map<std::string, std::string> result;
    for (const auto& [name, file] : files_) {
      if (!file.exists &&
          (fate == Unsynced::kLost || (fate == Unsynced::kTorn && random() % 4 == 0)))
        continue;
      std::string content = file.content;
      auto pending = file.pending;
      if (fate == Unsynced::kLost) pending.clear();
      if (fate == Unsynced::kTorn) {
        std::erase_if(pending, [&](const Change&) { return random() % 2 == 0; });
      }
      for (const auto& change : pending) change.apply_to(content);
      result.emplace(name, std::move(content));
    }
    return result;
  }

 private:
  static constexpr std::size_t kSector = 512;  // the least that any disk writes whole
  struct Change {
    std::int64_t offset;
    std::optional<std::string> bytes;  // none: the file ends at `offset`
    void apply_to(std::string& content) const {
      const auto at = static_cast<std::size_t>(offset);
      if (!bytes) {
        content.resize(at);
        return;
      }
      if (content.size() < at + bytes->size()) content.resize(at + bytes->size());
      content.replace(at, bytes->size(), *bytes);
    }
  };
  struct File {
    bool exists = false;  // its name is on the disk for good
    std::string content;
    std::vector<Change> pending;
  };
  std::map<std::string, File> files_;
};

}  // namespace kernmesh::store
