// SPDX-License-Identifier: Apache-2.0
// One client of a real relay, over UDP or TLS, from a network namespace of choice (test support).
// Blocking, with deadlines.
#pragma once

#include <openssl/ssl.h>

#include <functional>
#include <memory>
#include <string>

#include "controller/base/ip.h"
#include "controller/base/unique_fd.h"
#include "controller/core/relay/message.h"

namespace kernmesh::relay::test {

// The kernel's name of a namespace, as `ip netns` makes it. Ends the program when there is none.
void enter_namespace(const std::string& name);
Result<UniqueFd> connect_udp(const Endpoint& to);

// Of the network's server that signs the tickets of all tests.
Ed25519SecretKey ticket_server_key();

class RelayClient {
 public:
  enum class Carrier { kUdp, kTls };
  // The node's number makes its keys, so that a test can name a peer.
  static Result<RelayClient> connect(const std::string& netns, Carrier carrier, const Endpoint& to,
                                     const RelayPublicKey& relay, std::uint8_t node);

  const DiscoPublicKey& key() const { return key_; }
  int fd() const { return fd_.get(); }
  static DiscoPublicKey key_of(std::uint8_t node);

  // Hello, challenge, bind.
  Result<Bound> bind(const Ed25519SecretKey& server);
  // Repeats until the pair is live.
  Result<Channel> open(const DiscoPublicKey& peer);

  // Asks once, and takes no answer.
  void send_open(const DiscoPublicKey& peer);

  void send(std::span<const std::uint8_t> datagram);
  // What comes within the time; empty when nothing does.
  Bytes receive(std::chrono::milliseconds within);

 private:
  RelayClient() = default;
  Result<Answer> ask(const std::variant<Bind, Open, Close, Refresh>& wish);
  bool start_tls();

  struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  UniqueFd fd_;
  std::unique_ptr<SSL_CTX, FreeSsl> context_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
  Bytes stream_;
  NodeId node_;
  X25519SecretKey secret_;
  DiscoPublicKey key_;
  SharedKey shared_;
  Cookie cookie_{};
  std::uint64_t sequence_ = 0;
  std::shared_ptr<path::RandomStream> random_;  // only this object's; shared for being movable
};

}  // namespace kernmesh::relay::test
