// SPDX-License-Identifier: Apache-2.0
#include "controller/server/signin/bounded_http.h"

#include <fcntl.h>
#include <poll.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "controller/base/unique_fd.h"

namespace kernmesh::server {
namespace {

using SteadyClock = std::chrono::steady_clock;

struct FreeTls {
  void operator()(SSL* tls) const { SSL_free(tls); }
};

bool is_ready_until(int fd, short events, SteadyClock::time_point deadline) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now()).count();
  pollfd entry{fd, events, 0};
  return left > 0 && poll(&entry, 1, static_cast<int>(left)) > 0;
}

// One exchange on a non-blocking socket. Not a httplib type but for the interface.
class BoundedStream final : public httplib::Stream {
 public:
  BoundedStream(int fd, SSL_CTX* tls) : fd_(fd), deadline_(SteadyClock::now() + kExchangeTime) {
    if (tls == nullptr) return;
    tls_.reset(SSL_new(tls));
    if (tls_) SSL_set_fd(tls_.get(), fd);
  }

  // The TLS handshake, if there is to be one.
  bool begin(bool wants_tls) {
    if (!wants_tls) return true;
    return tls_ && go_on([&] { return SSL_accept(tls_.get()); }, POLLIN) > 0;
  }

  bool is_readable() const override { return read_ < kMostRequestBytes; }
  bool is_writable() const override { return true; }

  ssize_t read(char* out, std::size_t size) override {
    size = std::min(size, kMostRequestBytes - read_);
    if (size == 0) return -1;
    const ssize_t got =
        tls_ ? go_on([&] { return SSL_read(tls_.get(), out, static_cast<int>(size)); }, POLLIN)
             : go_on([&] { return recv(fd_, out, size, 0); }, POLLIN);
    if (got > 0) read_ += static_cast<std::size_t>(got);
    return got;
  }

  ssize_t write(const char* data, std::size_t size) override {
    if (!is_answering_) {
      // Whoever has waited for the provider has the whole time for the answer.
      is_answering_ = true;
      deadline_ = SteadyClock::now() + kExchangeTime;
    }
    return tls_
               ? go_on([&] { return SSL_write(tls_.get(), data, static_cast<int>(size)); }, POLLOUT)
               : go_on([&] { return send(fd_, data, size, MSG_NOSIGNAL); }, POLLOUT);
  }

  // Nothing here is decided by addresses: behind a proxy they are all its own.
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return fd_; }

 private:
  // Repeats what would block until it does not or time is over.
  template <typename Step>
  ssize_t go_on(const Step& step, short events) {
    for (;;) {
      const ssize_t done = step();
      if (done > 0) return done;
      short wanted = events;
      if (tls_) {
        const int reason = SSL_get_error(tls_.get(), static_cast<int>(done));
        if (reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE) return -1;
        wanted = reason == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
      } else if (done == 0 || (errno != EAGAIN && errno != EINTR)) {
        return done;
      }
      if (!is_ready_until(fd_, wanted, deadline_)) return -1;
    }
  }

  int fd_;
  std::unique_ptr<SSL, FreeTls> tls_;
  SteadyClock::time_point deadline_;
  std::size_t read_ = 0;
  bool is_answering_ = false;
};

// Threads that take connections from a queue with an end: whoever would make it longer waits.
class BoundedQueue final : public httplib::TaskQueue {
 public:
  BoundedQueue() {
    for (std::size_t i = 0; i < kPageThreads; ++i) threads_.emplace_back([this] { run(); });
  }

  void enqueue(std::function<void()> task) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return tasks_.size() < kMostWaitingConnections; });
    tasks_.push_back(std::move(task));
    changed_.notify_all();
  }

  // What waits is still answered.
  void shutdown() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      changed_.notify_all();
    }
    for (auto& thread : threads_) thread.join();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return stopping_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      const auto task = std::move(tasks_.front());
      tasks_.pop_front();
      changed_.notify_all();
      lock.unlock();
      task();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace

BoundedHttpServer::BoundedHttpServer(SSL_CTX* tls) : tls_(tls) {
  new_task_queue = [] { return new BoundedQueue; };  // httplib's to delete
  set_payload_max_length(kMostRequestBytes);
}

bool BoundedHttpServer::process_and_close_socket(socket_t socket) {
  const UniqueFd owned(socket);
  const int flags = fcntl(socket, F_GETFL);
  if (flags < 0 || fcntl(socket, F_SETFL, flags | O_NONBLOCK) != 0) return false;
  BoundedStream stream(socket, tls_);
  if (!stream.begin(tls_ != nullptr)) return false;
  bool is_closed = false;
  return process_request(stream, /*close_connection=*/true, is_closed, nullptr);
}

}  // namespace kernmesh::server
