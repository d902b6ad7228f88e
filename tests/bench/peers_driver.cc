// SPDX-License-Identifier: Apache-2.0
// Drives WireGuard's peers through controller/netlink for the benchmark, and times itself.
//   peers-driver fill IFACE COUNT        from nothing to COUNT peers, as an agent that starts does
//   peers-driver remove IFACE            all peers, then the interface
//   peers-driver config COUNT            the same peers as a configuration file for wg(8)
// Prints one number for each measurement: microseconds.
#include <sodium.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "controller/netlink/link.h"
#include "controller/netlink/wireguard.h"

namespace {

using kernmesh::Error;
using kernmesh::IfIndex;
using kernmesh::IpAddress;
using kernmesh::NodePublicKey;
using kernmesh::Port;
using kernmesh::Prefix;
using kernmesh::Status;
using kernmesh::X25519SecretKey;
using kernmesh::netlink::RouteSocket;
using kernmesh::netlink::WireguardSocket;
using kernmesh::reconcile::WireguardDevice;
using kernmesh::reconcile::WireguardPeer;
using Clock = std::chrono::steady_clock;

constexpr Port kPort{24240};

// The same peers in every process: peer n's key is a hash of n.
NodePublicKey key_of(std::uint32_t n) {
  std::array<std::uint8_t, 32> bytes{};
  crypto_generichash(bytes.data(), bytes.size(), reinterpret_cast<const unsigned char*>(&n),
                     sizeof n, nullptr, 0);
  return NodePublicKey(bytes);
}

WireguardPeer peer_of(std::uint32_t n) {
  WireguardPeer peer;
  peer.endpoint = {IpAddress::from_v4_number(0xf0000000 + n), kPort};
  peer.allowed_ips = {Prefix::host(IpAddress::from_v4_number(0x64400000 + n))};
  return peer;
}

X25519SecretKey secret() {
  X25519SecretKey key;
  key.mutable_bytes()[0] = 8;
  key.mutable_bytes()[31] = 64;
  return key;
}

WireguardDevice device_of(std::uint32_t count) {
  WireguardDevice device;
  device.public_key = kernmesh::node_public_key(secret());
  device.listen_port = kPort;
  for (std::uint32_t n = 1; n <= count; ++n) device.peers.emplace(key_of(n), peer_of(n));
  return device;
}

double us_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

int fail(const Error& error) {
  std::fprintf(stderr, "peers-driver: %s\n", error.message().c_str());
  return 1;
}

Status fill(WireguardSocket& socket, IfIndex device, std::uint32_t count) {
  const auto desired = device_of(count);
  const auto start = Clock::now();
  MESH_TRY_ASSIGN(const auto observed, socket.dump(device));
  MESH_TRY(socket.apply(device, kernmesh::reconcile::diff(desired, observed), secret()));
  std::printf("%.0f\n", us_since(start));
  return {};
}

Status remove(const RouteSocket& routes, WireguardSocket& socket, IfIndex device,
              const char* name) {
  const auto start = Clock::now();
  MESH_TRY(socket.remove_all_peers(device));
  MESH_TRY(kernmesh::netlink::delete_link(routes, name));
  std::printf("%.0f\n", us_since(start));
  return {};
}

void print_config(std::uint32_t count) {
  char text[sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_ORIGINAL)];
  const auto key = secret();
  sodium_bin2base64(text, sizeof text, key.bytes().data(), 32, sodium_base64_VARIANT_ORIGINAL);
  std::printf("[Interface]\nPrivateKey = %s\nListenPort = %u\n", text, kPort.value());
  for (const auto& [peer_key, peer] : device_of(count).peers) {
    std::printf("[Peer]\nPublicKey = %s\nEndpoint = %s\nAllowedIPs = %s\n",
                to_string(peer_key).c_str(), to_string(peer.endpoint).c_str(),
                to_string(peer.allowed_ips[0]).c_str());
  }
}

Status run(const std::string& verb, const char* name, std::uint32_t count) {
  MESH_TRY_ASSIGN(const auto routes, RouteSocket::open());
  MESH_TRY_ASSIGN(auto socket, WireguardSocket::open());
  MESH_TRY_ASSIGN(const auto link, kernmesh::netlink::find_link(routes, name));
  if (!link) return Error(kernmesh::ErrorCode::kNotFound, std::string("no interface ") + name);
  if (verb == "fill") return fill(socket, link->index, count);
  if (verb == "remove") return remove(routes, socket, link->index, name);
  return Error(kernmesh::ErrorCode::kInvalid, "unknown verb " + verb);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || sodium_init() < 0) return 64;
  const std::string verb = argv[1];
  if (verb == "config") {
    print_config(static_cast<std::uint32_t>(std::atoi(argv[2])));
    return 0;
  }
  const auto count = argc > 3 ? static_cast<std::uint32_t>(std::atoi(argv[3])) : 0;
  const Status done = run(verb, argv[2], count);
  return done ? 0 : fail(done.error());
}
