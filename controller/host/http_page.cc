// SPDX-License-Identifier: Apache-2.0
#include "controller/host/http_page.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "controller/base/unique_fd.h"
#include "controller/host/socket_address.h"

namespace kernmesh::host {
namespace {

using Clock = std::chrono::steady_clock;

// A scraper on the same machine or network sends one packet; a slow or silent one is cut off.
constexpr int kPauseWithoutDescriptors = 1000;  // ms
constexpr auto kRequestTimeout = std::chrono::seconds(2);
constexpr std::size_t kMaxRequest = 8 * 1024;

bool is_ready(int fd, short events, Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  pollfd entry{fd, events, 0};
  return left > 0 && poll(&entry, 1, static_cast<int>(left)) > 0;
}

std::string read_request(int fd, Clock::time_point deadline) {
  std::string request;
  while (request.size() < kMaxRequest && request.find("\r\n\r\n") == std::string::npos) {
    char buffer[2048];
    if (!is_ready(fd, POLLIN, deadline)) return {};
    const ssize_t got = recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) return {};
    request.append(buffer, static_cast<std::size_t>(got));
  }
  return request;
}

void send_all(int fd, const std::string& text, Clock::time_point deadline) {
  std::size_t done = 0;
  while (done < text.size() && is_ready(fd, POLLOUT, deadline)) {
    const ssize_t sent = send(fd, text.data() + done, text.size() - done, MSG_NOSIGNAL);
    if (sent <= 0) return;
    done += static_cast<std::size_t>(sent);
  }
}

std::string response(const char* status, const std::string& body) {
  return std::string("HTTP/1.1 ") + status +
         "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body;
}

class PageServer final : public HttpServer {
 public:
  explicit PageServer(HttpPages pages) : pages_(std::move(pages)) {}
  ~PageServer() override {
    const std::uint64_t one = 1;
    if (stop_ && write(stop_.get(), &one, sizeof one) < 0) std::abort();  // cannot happen: counter
    if (thread_.joinable()) thread_.join();
  }

  Status start(const Endpoint& listen_on) {
    const std::string attempt = "listen on " + to_string(listen_on);
    const SocketAddress address = to_sockaddr(listen_on);
    const int family = address.storage.ss_family;
    socket_.reset(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    stop_.reset(eventfd(0, EFD_CLOEXEC));
    if (!socket_ || !stop_) return Error::from_errno(attempt, errno);
    const int on = 1;
    setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(socket_.get(), address.get(), address.length) || ::listen(socket_.get(), 16) != 0) {
      return Error(ErrorCode::kUnavailable, Error::from_errno(attempt, errno).message());
    }
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&bound), &size);
    port_ = ntohs(family == AF_INET ? reinterpret_cast<sockaddr_in&>(bound).sin_port
                                    : reinterpret_cast<sockaddr_in6&>(bound).sin6_port);
    thread_ = std::thread([this] { run(); });
    return {};
  }

  std::uint16_t port() const override { return port_; }

 private:
  void run() {
    for (;;) {
      pollfd entries[] = {{socket_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
      if (poll(entries, 2, -1) < 0 && errno != EINTR) return;
      if (entries[1].revents != 0) return;
      if (entries[0].revents == 0) continue;
      const UniqueFd client(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (client) {
        serve(client.get());
      } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
        // Whoever waits stays in the queue, and the socket readable.
        poll(&entries[1], 1, kPauseWithoutDescriptors);
      }
    }
  }

  void serve(int client) {
    const auto deadline = Clock::now() + kRequestTimeout;
    const std::string request = read_request(client, deadline);
    if (request.empty()) return;
    const std::string line = request.substr(0, request.find("\r\n"));
    std::string answer;
    if (line.starts_with("GET /metrics ")) {
      answer = response("200 OK", pages_.metrics());
    } else if (line.starts_with("GET /healthz ")) {
      answer = pages_.is_healthy() ? response("200 OK", "ok\n")
                                   : response("503 Service Unavailable", "not healthy\n");
    } else {
      answer = response("404 Not Found", "there are /metrics and /healthz\n");
    }
    send_all(client, answer, deadline);
  }

  HttpPages pages_;
  UniqueFd socket_;
  UniqueFd stop_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> start_http_server(const Endpoint& listen, HttpPages pages) {
  auto server = std::make_unique<PageServer>(std::move(pages));
  MESH_TRY(server->start(listen));
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace kernmesh::host
