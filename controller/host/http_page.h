// SPDX-License-Identifier: Apache-2.0
// Two pages for machines that watch a daemon (L2): /metrics for Prometheus, /healthz for probes.
// One thread, one connection at a time, small requests and short timeouts: enough for a scraper,
// and nothing to exhaust. prometheus-cpp's own web server cannot answer anything but 200.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "controller/base/ip.h"
#include "controller/base/result.h"

namespace kernmesh::host {

struct HttpPages {
  std::function<std::string()> metrics;  // Prometheus text format 0.0.4
  std::function<bool()> is_healthy;      // 200 or 503
};

class HttpServer {
 public:
  virtual ~HttpServer() = default;  // stops the thread
  virtual std::uint16_t port() const = 0;
};

// kUnavailable when the address cannot be bound. Port 0 takes a free one.
Result<std::unique_ptr<HttpServer>> start_http_server(const Endpoint& listen, HttpPages pages);

}  // namespace kernmesh::host
