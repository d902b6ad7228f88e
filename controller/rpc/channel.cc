// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/channel.h"

#include <grpc/compression.h>
#include <grpc/grpc.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include "controller/rpc/certificate.h"

namespace kernmesh::rpc {
namespace {

// Reconnects of a session: quick at first because most breaks are a restart of the server, never
// rarer than every 10 s so that a network that comes back is used soon. The least one is also the
// time that one attempt may take.
constexpr int kFirstBackoffMs = 500;
constexpr int kLeastBackoffMs = 5'000;
constexpr int kMostBackoffMs = 10'000;

grpc::ChannelArguments common_arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetMaxSendMessageSize(kMaxMessageBytes);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  // gRPC bounds a message as it comes, not as what it unpacks to: 16 MiB of gzip may be 16 GiB. A
  // call with packed messages is refused; one that arrives before that stays packed.
  arguments.SetInt(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1 << GRPC_COMPRESS_NONE);
  arguments.SetInt(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  // Two channels to one server must not inherit each other's backoff or broken connection.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return arguments;
}

void keep_session_alive(grpc::ChannelArguments& arguments) {
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, static_cast<int>(kKeepaliveInterval.count()));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, static_cast<int>(kKeepaliveTimeout.count()));
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);  // 0: without limit
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kFirstBackoffMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kLeastBackoffMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMostBackoffMs);
}

}  // namespace

std::shared_ptr<grpc::Channel> secure_channel(const std::string& host_port,
                                              const std::string& ca_pem, ChannelUse use) {
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = ca_pem;
  auto arguments = common_arguments();
  // Others sign certificates for many names, so with them the host's name is checked.
  if (is_own_authority(ca_pem)) arguments.SetSslTargetNameOverride(std::string(kServerName));
  if (use == ChannelUse::kSession) keep_session_alive(arguments);
  return grpc::CreateCustomChannel("dns:///" + host_port, grpc::SslCredentials(options), arguments);
}

std::shared_ptr<grpc::Channel> unix_channel(const std::string& path) {
  auto arguments = common_arguments();
  // The authority would be the path, percent-encoded; some servers refuse that.
  arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
  return grpc::CreateCustomChannel("unix:" + path, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace kernmesh::rpc
