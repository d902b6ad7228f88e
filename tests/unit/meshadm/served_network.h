// SPDX-License-Identifier: Apache-2.0
// A server's Admin service behind TLS with an authority of its own, and a terminal that knows it.
#pragma once

#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "controller/core/topology/registration.h"
#include "controller/rpc/certificate.h"
#include "mesh/v1/admin.grpc.pb.h"
#include "tests/unit/meshadm/in_process.h"

namespace kernmesh::adm {

template <typename Service>
class ServedNetwork : public testing::Test {
 protected:
  void SetUp() override {
    const WallTime now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    const auto authority = rpc::make_authority(now);
    ASSERT_TRUE(authority);
    const auto leaf = rpc::issue_server_certificate(*authority, {}, now);
    ASSERT_TRUE(leaf);
    grpc::SslServerCredentialsOptions options;
    options.pem_key_cert_pairs.push_back(
        {leaf->key_pem, leaf->certificate_pem + authority->certificate_pem});
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(options), &port);
    builder.RegisterService(&service);
    server = builder.BuildAndStart();
    ASSERT_NE(port, 0);
    topology::Ticket ticket;
    ticket.kind = topology::TicketKind::kAdminToken;
    ticket.ca = (*rpc::read_certificates(authority->certificate_pem))[0].fingerprint;
    token = to_string(ticket);
    address = "127.0.0.1:" + std::to_string(port);
    terminal.environment["KERNMESH_SERVER"] = address;
    terminal.environment["KERNMESH_TOKEN"] = token;
  }
  void TearDown() override {
    if (server) server->Shutdown(std::chrono::system_clock::now());
  }

  Terminal terminal;
  Service service;
  std::unique_ptr<grpc::Server> server;
  std::string token;
  std::string address;
};

}  // namespace kernmesh::adm
