// SPDX-License-Identifier: Apache-2.0
// What does not work just now, under names, each logged when it begins and when it ends (L3). Not
// thread-safe.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "controller/base/result.h"

namespace kernmesh::agent {

class ProblemList {
 public:
  // Remembers what went wrong, or that it does not any more.
  void note(const std::string& topic, const Status& status);
  bool has(const std::string& topic) const { return texts_.contains(topic); }
  // Nobody asks about it any more.
  void forget(const std::string& topic) { texts_.erase(topic); }
  // "topic: what is wrong", by topic.
  std::vector<std::string> lines() const;

 private:
  std::map<std::string, std::string> texts_;
};

}  // namespace kernmesh::agent
