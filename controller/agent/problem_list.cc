// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/problem_list.h"

#include <spdlog/spdlog.h>

namespace kernmesh::agent {

void ProblemList::note(const std::string& topic, const Status& status) {
  if (status) {
    if (texts_.erase(topic) != 0) spdlog::info("{}: well again", topic);
    return;
  }
  auto& text = texts_[topic];
  if (text != status.error().message()) spdlog::warn("{}: {}", topic, status.error().message());
  text = status.error().message();
}

std::vector<std::string> ProblemList::lines() const {
  std::vector<std::string> lines;
  for (const auto& [topic, text] : texts_) lines.push_back(topic + ": " + text);
  return lines;
}

}  // namespace kernmesh::agent
