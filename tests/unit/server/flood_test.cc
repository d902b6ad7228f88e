// SPDX-License-Identifier: Apache-2.0
// Large requests: how much a server takes from a stranger, and what an administrator gets through.
#include <arpa/inet.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <future>

#include "controller/base/unique_fd.h"
#include "controller/core/policy/parse.h"
#include "controller/rpc/certificate.h"
#include "controller/rpc/channel.h"
#include "mesh/v1/admin.grpc.pb.h"
#include "tests/unit/server/fixture.h"

namespace kernmesh::server {
namespace {

// Between one client and the server; counts what the client has sent.
class Relay {
 public:
  explicit Relay(std::uint16_t server_port) {
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    EXPECT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(listen(listener_.get(), 4), 0);
    EXPECT_EQ(getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, server_port] { run(server_port); });
  }
  ~Relay() {
    stopping_ = true;
    thread_.join();
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  std::size_t sent() const { return sent_; }

 private:
  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }
  static bool is_readable(int fd) {
    pollfd wanted{fd, POLLIN, 0};
    return poll(&wanted, 1, 5) > 0;
  }
  // Bytes handed on; nothing at the end of either connection.
  static std::optional<std::size_t> pass(int from, int to) {
    char buffer[16 * 1024];
    const ssize_t count = recv(from, buffer, sizeof buffer, 0);
    if (count <= 0) return std::nullopt;
    for (ssize_t done = 0; done < count;) {
      const ssize_t wrote =
          send(to, buffer + done, static_cast<std::size_t>(count - done), MSG_NOSIGNAL);
      if (wrote <= 0) return std::nullopt;
      done += wrote;
    }
    return static_cast<std::size_t>(count);
  }

  void run(std::uint16_t server_port) {
    while (!stopping_ && !is_readable(listener_.get())) continue;
    if (stopping_) return;
    const UniqueFd client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const UniqueFd server(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = loopback(server_port);
    if (connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      return;
    }
    while (!stopping_) {
      if (is_readable(client.get())) {
        const auto count = pass(client.get(), server.get());
        if (!count) return;
        sent_ += *count;
      }
      while (is_readable(server.get())) {
        if (!pass(server.get(), client.get())) return;
      }
    }
  }

  UniqueFd listener_{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::uint16_t port_ = 0;
  std::atomic<std::size_t> sent_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

constexpr std::size_t kFlood = 16 * 1024 * 1024;
// The window that gRPC gives a connection, the handshakes, and room for what is on its way when the
// server says no.
constexpr std::size_t kMostTaken = 3 * 1024 * 1024;

class FloodTest : public ServerTest {
 protected:
  // One message of that many bytes to any method.
  grpc::Status flood(const std::string& server, const std::string& method) {
    return flood(rpc::secure_channel(server, ca_pem_, rpc::ChannelUse::kCalls), method,
                 GRPC_COMPRESS_NONE);
  }
  static grpc::Status flood(const std::shared_ptr<grpc::Channel>& channel,
                            const std::string& method, grpc_compression_algorithm packed) {
    grpc::GenericStub stub(channel);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kDeadline);
    context.set_compression_algorithm(packed);
    const grpc::Slice slice(std::string(kFlood - 64, 'x'));
    const grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    std::promise<grpc::Status> done;
    stub.UnaryCall(&context, method, grpc::StubOptions{}, &request, &response,
                   [&](grpc::Status status) { done.set_value(std::move(status)); });
    return done.get_future().get();
  }
  std::unique_ptr<mesh::v1::Admin::Stub> admin_stub(const std::string& server) {
    return mesh::v1::Admin::NewStub(rpc::secure_channel(server, ca_pem_, rpc::ChannelUse::kCalls));
  }
  // A policy of so many bytes with characters of several bytes in it, at every place.
  static std::string large_policy(std::size_t bytes) {
    std::string text = "{\"acls\": []}\n//";
    while (text.size() + 4 <= bytes) text += text.size() % 2 == 0 ? "\u20ac" : "\U0001f600";
    return text.append(bytes - text.size(), ' ');
  }
};

TEST_F(FloodTest, c7_large_message_of_a_stranger_is_cut_off_early_where_a_token_is_due) {
  for (const char* method :
       {"/mesh.v1.Coordination/Watch", "/mesh.v1.Coordination/Report", "/mesh.v1.Admin/ListUsers",
        "/mesh.v1.Admin/SetPolicy", "/mesh.v1.Admin/CheckPolicy"}) {
    SCOPED_TRACE(method);
    Relay relay(server_->port());
    EXPECT_EQ(flood(relay.address(), method).error_code(), grpc::StatusCode::UNAUTHENTICATED);
    EXPECT_GT(relay.sent(), 0u);
    EXPECT_LT(relay.sent(), kMostTaken);
  }
}

// Packed, what the server would refuse as it is fits into the largest request.
TEST_F(FloodTest, c7_packed_message_of_a_stranger_is_refused_before_it_is_unpacked) {
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = ca_pem_;
  grpc::ChannelArguments as_others_do;
  as_others_do.SetSslTargetNameOverride(std::string(rpc::kServerName));
  const auto channel = grpc::CreateCustomChannel(address_, grpc::SslCredentials(tls), as_others_do);
  for (const auto packed : {GRPC_COMPRESS_GZIP, GRPC_COMPRESS_DEFLATE}) {
    const auto status = flood(channel, "/mesh.v1.Coordination/Challenge", packed);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED) << status.error_message();
  }
}

TEST_F(FloodTest, c7_stranger_who_sends_a_policy_in_pieces_is_cut_off_early) {
  Relay relay(server_->port());
  const auto stub = admin_stub(relay.address());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kDeadline);
  mesh::v1::SetPolicyResponse response;
  const auto writer = stub->SetPolicy(&context, &response);
  mesh::v1::SetPolicyRequest piece;
  piece.set_text(std::string(32 * 1024, ' '));
  piece.set_text_bytes(kFlood);
  for (std::size_t sent = 0; sent < kFlood && writer->Write(piece); sent += 32 * 1024) continue;
  EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_LT(relay.sent(), kMostTaken);
}

TEST_F(FloodTest, c7_largest_policy_of_an_administrator_gets_through_byte_by_byte) {
  mesh::v1::SetPolicyRequest request;
  request.set_text(large_policy(policy::kMaxPolicyBytes));
  request.set_comment("large");
  const auto set = admin_->set_policy(request);
  ASSERT_TRUE(set) << set.error().message();
  EXPECT_EQ(set->policy().comment(), "large");
  EXPECT_TRUE(admin_->get_policy()->text() == request.text());
  request.set_text(large_policy(policy::kMaxPolicyBytes + 1));
  const auto refused = admin_->set_policy(request);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalid) << refused.error().message();
}

TEST_F(FloodTest, c7_policy_whose_end_does_not_come_is_not_put_in_force) {
  const auto stub = admin_stub(address_);
  const auto before = admin_->get_policy()->revision();
  for (const std::uint32_t missing : {1, 100'000}) {
    grpc::ClientContext context;
    context.AddMetadata("authorization", "Bearer " + token_);
    mesh::v1::SetPolicyResponse response;
    const auto writer = stub->SetPolicy(&context, &response);
    mesh::v1::SetPolicyRequest piece;
    piece.set_text("{\"acls\": []}");
    piece.set_text_bytes(static_cast<std::uint32_t>(piece.text().size()) + missing);
    writer->Write(piece);
    writer->WritesDone();
    EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  }
  EXPECT_EQ(admin_->get_policy()->revision(), before);
}

TEST_F(FloodTest, c7_more_text_than_was_announced_is_refused) {
  const auto stub = admin_stub(address_);
  grpc::ClientContext context;
  context.AddMetadata("authorization", "Bearer " + token_);
  mesh::v1::CheckPolicyResponse response;
  const auto writer = stub->CheckPolicy(&context, &response);
  mesh::v1::CheckPolicyRequest piece;
  piece.set_text("{\"acls\": []}");
  piece.set_text_bytes(5);
  writer->Write(piece);
  EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace kernmesh::server
