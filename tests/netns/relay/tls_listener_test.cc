// SPDX-License-Identifier: Apache-2.0
// How many connections the relay's TLS port takes, and of whom: over real sockets, on the loopback
// of a network namespace that each test makes for itself.
#include "controller/relay/tls_listener.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <thread>

#include "controller/host/tls_stream.h"
#include "controller/netlink/address.h"
#include "controller/netlink/link.h"
#include "controller/rpc/certificate.h"

namespace kernmesh::relay {
namespace {

constexpr Port kTlsPort{443};
constexpr IfIndex kLo{1};

class RelayTlsListener : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(geteuid(), 0U) << "run as root";
    ASSERT_EQ(unshare(CLONE_NEWNET), 0);
    std::signal(SIGPIPE, SIG_IGN);  // as in relay.cc
    const auto netlink = netlink::RouteSocket::open();
    ASSERT_TRUE(netlink);
    ASSERT_TRUE(netlink::set_link_state(*netlink, kLo, netlink::LinkState::kUp));
    for (const char* text : {"fd00:1::1", "fd00:1::2", "fd00:1::3", "fd00:2::1"})
      ASSERT_TRUE(netlink::add_address(*netlink, kLo, *IpAddress::parse(text), 128));
    folder_ = testing::TempDir() + "/relay-tls-" + std::to_string(getpid());
    std::filesystem::create_directories(folder_);
    const auto made = rpc::make_authority(host::wall_now());
    std::ofstream(folder_ + "/key") << made->key_pem;
    std::ofstream(folder_ + "/crt") << made->certificate_pem;
    context_ = host::make_tls_client_context().value();
  }
  void TearDown() override {
    loop_.stop();
    if (thread_.joinable()) thread_.join();
    std::filesystem::remove_all(folder_);
  }

  void listen(const StreamQuota::Limits& limits) {
    TlsListener::Events events;
    events.on_datagram = [this](const Origin& from, std::span<const std::uint8_t>) {
      heard_.insert(from.stream);
    };
    events.on_closed = [](StreamId) {};
    auto opened =
        TlsListener::open({kTlsPort, folder_ + "/crt", folder_ + "/key", limits}, loop_, events);
    ASSERT_TRUE(opened) << opened.error().message();
    listener_ = std::move(*opened);
    thread_ = std::thread([this] { run_loop(); });
  }

  // A connection from that address of this host; IPv4 ones go to 127.0.0.1.
  static UniqueFd connect_from(const std::string& text) {
    const auto source = IpAddress::parse(text).value();
    const auto target = source.is_v4() ? IpAddress::parse("::ffff:127.0.0.1").value() : source;
    const auto from = source.is_v4() ? IpAddress::parse("::ffff:" + text).value() : source;
    UniqueFd fd(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto address_of = [](const IpAddress& address, Port port) {
      sockaddr_in6 out{};
      out.sin6_family = AF_INET6;
      out.sin6_port = htons(port.value());
      std::memcpy(&out.sin6_addr, address.bytes().data(), 16);
      return out;
    };
    const auto local = address_of(from, Port(0)), remote = address_of(target, kTlsPort);
    EXPECT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&local), sizeof local), 0) << text;
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&remote), sizeof remote), 0);
    return fd;
  }
  static bool is_closed(const UniqueFd& fd) {
    char byte;
    const auto n = recv(fd.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN);
  }

  // Asks `done` on the loop's thread until it holds; ten seconds at most.
  bool run_until(const std::function<bool()>& done) {
    std::unique_lock lock(mutex_);
    awaited_ = &done;
    loop_.post([] {});
    const bool held =
        settled_.wait_for(lock, std::chrono::seconds(10), [&] { return awaited_ == nullptr; });
    awaited_ = nullptr;
    return held;
  }
  void run_loop() {
    EXPECT_TRUE(loop_.run([this]() -> std::optional<MonoTime> {
      const std::lock_guard lock(mutex_);
      if (awaited_ != nullptr && (*awaited_)()) {
        awaited_ = nullptr;
        settled_.notify_one();
      }
      return host::mono_now() + std::chrono::milliseconds(10);
    }));
  }
  // Opens that many from there and gives how many the listener kept.
  std::size_t try_from(const std::string& source, int count) {
    const std::size_t before = connection_count(), first = clients_.size();
    for (int i = 0; i < count; ++i) clients_.push_back(connect_from(source));
    std::size_t kept = 0;
    EXPECT_TRUE(run_until([&] {
      const auto refused = std::count_if(clients_.begin() + static_cast<std::ptrdiff_t>(first),
                                         clients_.end(), is_closed);
      kept = listener_->connection_count() - before;
      return kept + static_cast<std::size_t>(refused) == static_cast<std::size_t>(count);
    }));
    return kept;
  }
  std::size_t connection_count() {
    std::size_t count = 0;
    EXPECT_TRUE(run_until([&] {
      count = listener_->connection_count();
      return true;
    }));
    return count;
  }
  // A connection that gets through its handshake and says something.
  StreamId speak_from(const std::string& source) {
    UniqueFd fd = connect_from(source);
    const int number = fd.get();
    auto stream = host::TlsStream::make(context_.get(), std::move(fd),
                                        host::TlsStream::Role::kClient, host::mono_now());
    const auto ignore = [](std::span<const std::uint8_t>) {};
    const auto proceed = [&] {
      (void)stream->proceed(ignore, host::mono_now());
      if (stream->is_established()) (void)stream->send(Bytes{1, 2, 3});
    };
    EXPECT_EQ(fcntl(number, F_SETFL, O_NONBLOCK), 0);
    StreamId heard;
    EXPECT_TRUE(run_until([&] {
      proceed();
      if (heard_.size() == streams_.size()) return false;
      heard = *heard_.rbegin();
      return true;
    }));
    streams_.push_back(std::move(stream));
    return heard;
  }
  // The same, and it is bound then.
  StreamId bind_from(const std::string& source) {
    const StreamId stream = speak_from(source);
    on_loop([&] { listener_->set_bound(stream, host::mono_now()); });
    return stream;
  }
  void on_loop(const std::function<void()>& act) {
    EXPECT_TRUE(run_until([&] {
      act();
      return true;
    }));
  }
  // So many are left after the listener has looked at them then.
  std::size_t left_at(MonoTime then) {
    on_loop([&] { listener_->expire(then); });
    return connection_count();
  }

  host::EventLoop loop_ = host::EventLoop::open().value();
  std::string folder_;
  host::TlsContext context_;
  std::unique_ptr<TlsListener> listener_;
  std::vector<UniqueFd> clients_;
  std::vector<std::unique_ptr<host::TlsStream>> streams_;
  std::set<StreamId> heard_;  // that said something; touched on the loop's thread
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable settled_;
  const std::function<bool()>* awaited_ = nullptr;  // guarded by mutex_
};

TEST_F(RelayTlsListener, takes_so_many_of_one_address) {
  listen({100, 100, 3});
  EXPECT_EQ(try_from("127.0.0.1", 5), 3U);
  EXPECT_EQ(try_from("127.0.0.2", 1), 1U);
  clients_.erase(clients_.begin(), clients_.begin() + 5);
  ASSERT_TRUE(run_until([&] { return listener_->connection_count() == 1; }));
  EXPECT_EQ(try_from("127.0.0.1", 5), 3U) << "who has gone takes no room";
}

TEST_F(RelayTlsListener, takes_so_many_of_one_64) {
  listen({100, 100, 3});
  EXPECT_EQ(try_from("fd00:1::1", 2), 2U);
  EXPECT_EQ(try_from("fd00:1::2", 2), 1U);
  EXPECT_EQ(try_from("fd00:1::3", 2), 0U);
  EXPECT_EQ(try_from("fd00:2::1", 2), 2U);
}

TEST_F(RelayTlsListener, takes_so_many_in_all) {
  listen({4, 4, 3});
  EXPECT_EQ(try_from("127.0.0.1", 3), 3U);
  EXPECT_EQ(try_from("127.0.0.2", 3), 1U);
  EXPECT_EQ(try_from("fd00:1::1", 1), 0U);
}

TEST_F(RelayTlsListener, keeps_room_for_clients_that_are_bound) {
  listen({4, 2, 4});
  bind_from("127.0.0.1");
  EXPECT_EQ(try_from("127.0.0.2", 4), 2U);
  EXPECT_EQ(try_from("127.0.0.3", 1), 0U) << "strangers have their part";
  clients_.clear();
  ASSERT_TRUE(run_until([&] { return listener_->connection_count() == 1; }));
  bind_from("127.0.0.3");
  bind_from("127.0.0.3");
  EXPECT_EQ(try_from("127.0.0.2", 4), 1U) << "three are bound, and four is all there is";
}

TEST_F(RelayTlsListener, counts_who_is_bound_once) {
  listen({8, 1, 8});
  bind_from("127.0.0.1");
  on_loop([&] {
    listener_->set_bound(*heard_.begin(), host::mono_now());
    listener_->set_bound(StreamId(99), host::mono_now());
  });
  EXPECT_EQ(try_from("127.0.0.2", 3), 1U);
}

TEST_F(RelayTlsListener, ends_a_stranger_after_fifteen_seconds_whatever_it_says) {
  listen({8, 8, 8});
  speak_from("127.0.0.1");
  const MonoTime start = host::mono_now();
  EXPECT_EQ(left_at(start), 1U);
  on_loop([&] { (void)streams_[0]->send(Bytes{4, 5, 6}); });
  EXPECT_EQ(left_at(start + std::chrono::seconds(14)), 1U);
  EXPECT_EQ(left_at(start + std::chrono::seconds(15)), 0U);
}

TEST_F(RelayTlsListener, keeps_who_is_bound) {
  listen({8, 8, 8});
  bind_from("127.0.0.1");
  const MonoTime start = host::mono_now();
  EXPECT_EQ(left_at(start), 1U);
  EXPECT_EQ(left_at(start + std::chrono::seconds(80)), 1U);
}

TEST_F(RelayTlsListener, holds_who_was_bound_for_a_stranger_again) {
  listen({8, 1, 8});
  const StreamId left = bind_from("127.0.0.1");
  bind_from("127.0.0.1");
  const MonoTime start = host::mono_now();
  on_loop([&] {
    listener_->set_unbound(left, start);
    listener_->set_unbound(left, start);
    listener_->set_unbound(StreamId(99), start);
  });
  EXPECT_EQ(try_from("127.0.0.2", 2), 0U) << "it has the strangers' only place";
  EXPECT_EQ(left_at(start + std::chrono::seconds(14)), 2U);
  EXPECT_EQ(left_at(start + std::chrono::seconds(16)), 1U);
  EXPECT_EQ(try_from("127.0.0.2", 2), 1U);
}

TEST_F(RelayTlsListener, takes_a_client_back_that_comes_by_the_connection_it_had_left) {
  listen({8, 1, 8});
  const StreamId stream = bind_from("127.0.0.1");
  const MonoTime start = host::mono_now();
  on_loop([&] {
    listener_->set_unbound(stream, start);
    listener_->set_bound(stream, start + std::chrono::seconds(10));
  });
  EXPECT_EQ(left_at(start + std::chrono::seconds(60)), 1U);
  EXPECT_EQ(try_from("127.0.0.2", 2), 1U);
}

}  // namespace
}  // namespace kernmesh::relay
