// SPDX-License-Identifier: Apache-2.0
#include "controller/server/json_log.h"

#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

namespace kernmesh::server {
namespace {

class JsonFormatter : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& target) override {
    const auto seconds = std::chrono::duration<double>(message.time.time_since_epoch()).count();
    nlohmann::json line;
    line["time"] = seconds;
    line["level"] = std::string(spdlog::level::to_string_view(message.level).data());
    line["message"] = std::string(message.payload.data(), message.payload.size());
    // Bytes that are not UTF-8 must not end the log.
    const std::string text =
        line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    target.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonFormatter>();
  }
};

}  // namespace

std::unique_ptr<spdlog::formatter> make_json_formatter() {
  return std::make_unique<JsonFormatter>();
}

}  // namespace kernmesh::server
