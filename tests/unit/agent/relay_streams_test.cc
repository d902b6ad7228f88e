// SPDX-License-Identifier: Apache-2.0
// Against a TLS server of the test's own, on loopback and in the same loop.
#include "controller/agent/relay_streams.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "controller/rpc/certificate.h"

namespace kernmesh::agent {
namespace {

class RelayStreamsTest : public testing::Test {
 protected:
  RelayStreamsTest() : loop_(host::EventLoop::open().value()) {
    std::signal(SIGPIPE, SIG_IGN);  // as in main_agent.cc
    folder_ = testing::TempDir() + "/relay-streams-" + std::to_string(getpid());
    std::filesystem::create_directories(folder_);
    const auto made = rpc::make_authority(host::wall_now());
    std::ofstream(folder_ + "/key") << made->key_pem;
    std::ofstream(folder_ + "/crt") << made->certificate_pem;
    fingerprint_ = rpc::read_certificates(made->certificate_pem)->front().fingerprint;
    context_ = host::make_tls_server_context(folder_ + "/crt", folder_ + "/key").value();
    listener_ = UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* at = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(listener_.get(), at, size), 0);
    EXPECT_EQ(getsockname(listener_.get(), at, &size), 0);
    EXPECT_EQ(listen(listener_.get(), 4), 0);
    relay_ = Endpoint{IpAddress::parse("127.0.0.1").value(), Port(ntohs(address.sin_port))};
    EXPECT_TRUE(loop_.watch(listener_.get(), [this] { take_client(); }));
    RelayStreams::Events events;
    events.on_datagram = [this](std::span<const std::uint8_t> datagram, const Endpoint&) {
      heard_.emplace_back(datagram.begin(), datagram.end());
    };
    events.on_read = [] {};
    events.on_closed = [this] { ++closed_; };
    streams_ = RelayStreams::make(loop_, std::move(events)).value();
  }
  ~RelayStreamsTest() override { std::filesystem::remove_all(folder_); }

  void take_client() {
    UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) return;
    const int number = fd.get();
    if (hostile_) {
      raw_.reset(SSL_new(context_.get()));
      SSL_set_fd(raw_.get(), number);
      SSL_set_accept_state(raw_.get());
      raw_fd_ = std::move(fd);
      EXPECT_TRUE(loop_.watch(number, [this] { say_nonsense(); }));
      return;
    }
    server_ = host::TlsStream::make(context_.get(), std::move(fd), host::TlsStream::Role::kServer,
                                    host::mono_now());
    EXPECT_TRUE(loop_.watch(number, [this] { serve(); }));
  }
  void serve() {
    const auto echo = [this](std::span<const std::uint8_t> datagram) {
      served_.emplace_back(datagram.begin(), datagram.end());
      server_->queue(datagram);
    };
    if (server_->proceed(echo, host::mono_now()) == host::TlsStream::State::kClosed) {
      loop_.unwatch(server_->fd());
      server_.reset();
    }
  }
  // An authentic relay that frames nothing: a datagram of no length.
  void say_nonsense() {
    if (SSL_do_handshake(raw_.get()) != 1) return;
    SSL_write(raw_.get(), "\0\0more", 6);
    loop_.unwatch(raw_fd_.get());
  }
  // Each is asked until it holds, then the next; all within ten seconds.
  void run_until(std::vector<std::function<bool()>> steps) {
    const MonoTime end = host::mono_now() + std::chrono::seconds(10);
    std::size_t at = 0;
    ASSERT_TRUE(loop_.run([&]() -> std::optional<MonoTime> {
      while (at < steps.size() && steps[at]()) ++at;
      if (at == steps.size() || host::mono_now() >= end) loop_.stop();
      return host::mono_now() + std::chrono::milliseconds(20);
    }));
    EXPECT_EQ(at, steps.size()) << "steps that were done";
  }
  std::function<bool()> heard(std::size_t count) {
    return [this, count] { return heard_.size() >= count; };
  }
  void use(const netmap::CertificateFingerprint& expected) {
    streams_->set_relays({{relay_, expected}});
    streams_->send(relay_, Bytes{1, 2, 3});
  }

  host::EventLoop loop_;
  std::string folder_;
  netmap::CertificateFingerprint fingerprint_{};
  host::TlsContext context_;
  UniqueFd listener_;
  Endpoint relay_;
  std::unique_ptr<host::TlsStream> server_;
  bool hostile_ = false;
  UniqueFd raw_fd_;
  std::unique_ptr<SSL, decltype(&SSL_free)> raw_{nullptr, &SSL_free};
  std::unique_ptr<RelayStreams> streams_;
  std::vector<Bytes> heard_, served_;
  int closed_ = 0;
};

TEST_F(RelayStreamsTest, what_is_sent_before_there_is_a_connection_gets_there) {
  use(fingerprint_);
  EXPECT_FALSE(streams_->is_connected(relay_));
  run_until({heard(1)});
  EXPECT_EQ(heard_, std::vector<Bytes>{(Bytes{1, 2, 3})});
  EXPECT_TRUE(streams_->is_connected(relay_));
  EXPECT_TRUE(streams_->problems().empty());
}

TEST_F(RelayStreamsTest, many_datagrams_come_in_order_and_whole) {
  use(fingerprint_);
  const auto send_many = [this] {
    for (std::uint8_t i = 0; i < 50; ++i) streams_->send(relay_, Bytes(1400, i));
    streams_->flush();
    return true;
  };
  run_until({heard(1), send_many, heard(51)});
  ASSERT_EQ(heard_.size(), 51U);
  for (std::uint8_t i = 0; i < 50; ++i) EXPECT_EQ(heard_[i + 1U], Bytes(1400, i));
}

TEST_F(RelayStreamsTest, nothing_is_said_to_who_presents_another_certificate) {
  auto other = fingerprint_;
  other[31] ^= 1;
  use(other);
  run_until({[this] { return !streams_->problems().empty(); }, [this] { return !server_; }});
  EXPECT_TRUE(served_.empty());
  EXPECT_TRUE(heard_.empty());
  EXPECT_FALSE(streams_->is_connected(relay_));
  EXPECT_EQ(streams_->problems().at(relay_).code(), ErrorCode::kUnauthenticated);
  EXPECT_EQ(closed_, 0) << "it had never been reached";
}

TEST_F(RelayStreamsTest, another_fingerprint_in_the_map_ends_the_connection) {
  use(fingerprint_);
  run_until({heard(1)});
  auto other = fingerprint_;
  other[0] ^= 1;
  streams_->set_relays({{relay_, other}});
  EXPECT_FALSE(streams_->is_connected(relay_));
  EXPECT_EQ(closed_, 1);
  streams_->set_relays({});
  EXPECT_EQ(closed_, 1) << "a relay that nobody wants any more is no loss";
}

TEST_F(RelayStreamsTest, a_relay_that_goes_is_noticed_and_reached_again) {
  use(fingerprint_);
  const auto server_goes = [this] {
    loop_.unwatch(server_->fd());
    server_.reset();
    return true;
  };
  const auto is_noticed = [this] {
    return closed_ == 1 && !streams_->is_connected(relay_) && !streams_->problems().empty();
  };
  const auto is_heard_again = [this] {
    streams_->send(relay_, Bytes{9});
    return heard_.size() >= 2;
  };
  run_until({heard(1), server_goes, is_noticed, is_heard_again});
  EXPECT_TRUE(streams_->problems().empty());
}

TEST_F(RelayStreamsTest, nobody_listening_is_named_as_the_reason) {
  loop_.unwatch(listener_.get());
  listener_ = UniqueFd();
  use(fingerprint_);
  run_until({[this] { return !streams_->problems().empty(); }});
  ASSERT_FALSE(streams_->problems().empty());
  EXPECT_NE(streams_->problems().at(relay_).message().find("refused"), std::string::npos);
}

TEST_F(RelayStreamsTest, a_length_that_nobody_sends_ends_the_connection) {
  hostile_ = true;
  use(fingerprint_);
  run_until({[this] { return closed_ == 1; }});
  EXPECT_TRUE(heard_.empty());
  EXPECT_FALSE(streams_->is_connected(relay_));
}

}  // namespace
}  // namespace kernmesh::agent
