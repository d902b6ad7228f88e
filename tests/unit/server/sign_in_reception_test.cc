// SPDX-License-Identifier: Apache-2.0
// An agent asks for a sign-in over gRPC with TLS, and is told how it went.
#include "controller/server/sign_in_reception.h"

#include <grpcpp/grpcpp.h>
#include <sodium.h>

#include "controller/core/signin/machine_proof.h"
#include "controller/rpc/certificate.h"
#include "controller/rpc/sign_in_client.h"
#include "controller/server/first_start.h"
#include "controller/server/server.h"
#include "controller/store/sqlite_store.h"
#include "mesh/v1/coordination.grpc.pb.h"
#include "tests/unit/server/fixture.h"
#include "tests/unit/server/signin/sign_in_fixture.h"

namespace kernmesh::server {
namespace {

// Lets everybody in: neither service that is served here asks for more.
class OpenGate : public rpc::Gate {
 public:
  Result<rpc::Caller> admit(const rpc::MethodAccess&, const rpc::Credentials&) override {
    return rpc::Caller{};
  }
  Status know(std::string_view) override { return {}; }
  void refused(const rpc::Caller&, const rpc::MethodAccess&, const Error&) override {}
};

// The answer to a call that is given at once.
class Answer final : public rpc::StartSignInCall {
 public:
  bool is_open() const override { return !given_; }
  bool answer(Result<mesh::v1::StartSignInResponse> result) override {
    given_ = std::move(result);
    return true;
  }
  const Result<mesh::v1::StartSignInResponse>& given() const { return *given_; }

 private:
  std::optional<Result<mesh::v1::StartSignInResponse>> given_;
};

// Coordination's Challenge and the whole of SignIn, beside a server whose keys they use.
class ReceptionTest : public SignInTest {
 protected:
  class Challenger final : public mesh::v1::Coordination::CallbackService {
   public:
    explicit Challenger(Proofs& proofs) : proofs_(proofs) {}
    grpc::ServerUnaryReactor* Challenge(grpc::CallbackServerContext* context,
                                        const mesh::v1::ChallengeRequest* request,
                                        mesh::v1::ChallengeResponse* response) override {
      const auto key = rpc::machine_key_from_wire(request->machine_key());
      EXPECT_TRUE(key);
      response->set_nonce(proofs_.nonce_for(*key));
      auto* const reactor = context->DefaultReactor();
      reactor->Finish(grpc::Status::OK);
      return reactor;
    }

   private:
    Proofs& proofs_;
  };

  void SetUp() override {
    ASSERT_GE(sodium_init(), 0);
    char name[] = "/tmp/kernmesh-signin-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    directory_ = name;
    ServerOptions options;
    options.listen = "127.0.0.1:0";
    options.http_listen = "";
    options.state_dir = directory_;
    ASSERT_TRUE(start_server(options)) << "makes the store, and ends";
    auto store = store::open_sqlite_store(directory_ + "/" + kStoreFile);
    ASSERT_TRUE(store) << store.error().message();
    store_ = std::move(*store);
    directory_of_nodes_ = Directory::open(*store_, store_->load().value(), {});
    proofs_ = std::make_unique<Proofs>(*directory_of_nodes_, system_now);
    serve();
  }
  void TearDown() override {
    if (grpc_) grpc_->Shutdown();
    std::filesystem::remove_all(directory_);
  }

  virtual rpc::SignInHandler& handler() { return *reception_; }
  std::unique_ptr<rpc::SignInClient> another_client() const {
    return std::make_unique<rpc::SignInClient>(address_, authority_pem_, ca_);
  }

  void serve() {
    const auto authority = rpc::make_authority(system_now()).value();
    const rpc::ServerNames names{{"localhost"}, {IpAddress::from_v4_number(0x7f000001)}};
    const auto own = rpc::issue_server_certificate(authority, names, system_now()).value();
    ca_ = rpc::read_certificates(authority.certificate_pem).value().at(0).fingerprint;
    challenger_ = std::make_unique<Challenger>(*proofs_);
    reception_ = std::make_unique<SignInReception>(*proofs_, desk_, ca_);
    service_ = std::make_unique<rpc::SignInService>(gate_, &handler());
    grpc::SslServerCredentialsOptions tls(GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
    tls.pem_key_cert_pairs.push_back(
        {own.key_pem, own.certificate_pem + authority.certificate_pem});
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(tls), &port);
    builder.RegisterService(challenger_.get());
    builder.RegisterService(service_.get());
    grpc_ = builder.BuildAndStart();
    ASSERT_NE(grpc_, nullptr);
    address_ = "127.0.0.1:" + std::to_string(port);
    authority_pem_ = authority.certificate_pem;
    client_ = another_client();
  }

  std::string directory_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Directory> directory_of_nodes_;
  std::unique_ptr<Proofs> proofs_;
  topology::CaFingerprint ca_{};
  std::string authority_pem_;
  std::string address_;
  OpenGate gate_;
  std::unique_ptr<Challenger> challenger_;
  std::unique_ptr<SignInReception> reception_;
  std::unique_ptr<rpc::SignInService> service_;
  std::unique_ptr<grpc::Server> grpc_;
  std::unique_ptr<rpc::SignInClient> client_;
};

TEST_F(ReceptionTest, an_agent_is_told_where_to_go_and_how_it_went) {
  const TestNode node;
  const auto invitation = client_->start(node.registration());
  ASSERT_TRUE(invitation) << invitation.error().message();
  EXPECT_EQ(invitation->url, "http://127.0.0.1:1/node?code=" + invitation->user_code);
  EXPECT_EQ(invitation->lifetime, signin::kSignInLifetime);
  EXPECT_EQ(client_->outcome(invitation->handle)->stage, signin::Stage::kPending);
  const auto newcomer = desk_.look_up(invitation->user_code);
  ASSERT_TRUE(newcomer);
  EXPECT_EQ(newcomer->hostname, "host");
  EXPECT_EQ(newcomer->source, "127.0.0.1");
  const auto url = desk_.depart(invitation->user_code, kBrowser).value();
  grant("ann", parameter(url, "nonce"));
  ASSERT_TRUE(desk_.arrive({parameter(url, "state"), "code", "", ""}, kBrowser));
  EXPECT_EQ(client_->outcome(invitation->handle)->stage, signin::Stage::kAuthorized);
  EXPECT_EQ(
      desk_.find_admission(machine_public_key(node.machine), node_public_key(node.node))->subject,
      "ann");
}

TEST_F(ReceptionTest, a_refusal_reaches_the_agent_with_its_reason) {
  const TestNode node;
  const auto invitation = client_->start(node.registration()).value();
  const auto url = desk_.depart(invitation.user_code, kBrowser).value();
  grant("banned", parameter(url, "nonce"));
  EXPECT_FALSE(desk_.arrive({parameter(url, "state"), "code", "", ""}, kBrowser));
  const auto outcome = client_->outcome(invitation.handle);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->stage, signin::Stage::kDenied);
  EXPECT_EQ(outcome->reason, "your account is locked");
}

TEST_F(ReceptionTest, nobody_asks_in_the_name_of_another_machine) {
  const TestNode node;
  const auto machine = machine_public_key(node.machine);
  const auto node_key = node_public_key(node.node);
  const auto disco_key = disco_public_key(node.disco);
  const std::string nonce = proofs_->nonce_for(machine);
  const std::vector<std::uint8_t> bytes(nonce.begin(), nonce.end());
  mesh::v1::StartSignInRequest request;
  request.set_nonce(nonce);
  request.set_machine_key(rpc::to_wire(machine));
  request.set_node_key(rpc::to_wire(node_key));
  request.set_disco_key(rpc::to_wire(disco_key));
  const auto refused = [&](const std::vector<std::uint8_t>& message, const TestNode& signer) {
    const Signature signature = sign(signer.machine, message);
    request.set_signature(signature.data(), signature.size());
    const auto call = std::make_shared<Answer>();
    reception_->start(request, "ipv4:192.0.2.7:1", call);
    const auto& answer = call->given();
    return !answer && answer.error().code() == ErrorCode::kUnauthenticated;
  };
  const auto proof = signin::to_bytes({ca_, bytes, node_key, disco_key});
  EXPECT_TRUE(refused(proof, TestNode()));
  EXPECT_TRUE(refused(topology::registration_message(ca_, bytes, node_key, disco_key), node));
  EXPECT_TRUE(refused(signin::to_bytes({{}, bytes, node_key, disco_key}), node));
  EXPECT_FALSE(refused(proof, node));
  EXPECT_TRUE(refused(proof, node)) << "the nonce was used";
}

TEST_F(ReceptionTest, an_agent_waits_until_somebody_has_signed_in) {
  const TestNode node;
  int pauses = 0;
  std::string code;
  const auto status = client_->sign_in(
      node.registration(),
      {[&](const rpc::SignInInvitation& invitation) { code = invitation.user_code; },
       [&](std::chrono::seconds interval) {
         EXPECT_EQ(interval, std::chrono::seconds(2));
         if (++pauses < 3) return true;
         const auto url = desk_.depart(code, kBrowser).value();
         grant("ann", parameter(url, "nonce"));
         return desk_.arrive({parameter(url, "state"), "code", "", ""}, kBrowser).has_value();
       }});
  EXPECT_TRUE(status) << status.error().message();
  EXPECT_EQ(pauses, 3);
}

TEST_F(ReceptionTest, an_agent_starts_again_when_the_server_has_forgotten_and_ends_when_told_to) {
  const TestNode node;
  std::vector<std::string> codes;
  const auto status = client_->sign_in(
      node.registration(),
      {[&](const rpc::SignInInvitation& invitation) { codes.push_back(invitation.user_code); },
       [&](std::chrono::seconds) {
         if (codes.size() == 2) return false;
         advance(signin::kSignInLifetime + signin::kEndedLifetime);
         return true;
       }});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message(), "the sign-in was given up");
  ASSERT_EQ(codes.size(), 2U);
  EXPECT_NE(codes[0], codes[1]);
}

TEST_F(ReceptionTest, an_agent_ends_with_the_reason_of_a_refusal) {
  const TestNode node;
  std::string code;
  const auto status = client_->sign_in(
      node.registration(),
      {[&](const rpc::SignInInvitation& invitation) { code = invitation.user_code; },
       [&](std::chrono::seconds) {
         const auto url = desk_.depart(code, kBrowser).value();
         grant("banned", parameter(url, "nonce"));
         return !desk_.arrive({parameter(url, "state"), "code", "", ""}, kBrowser);
       }});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kPermissionDenied);
  EXPECT_EQ(status.error().message(), "your account is locked");
}

TEST_F(ReceptionTest, a_handle_that_is_nobodys_is_not_found) {
  const auto outcome = client_->outcome("AAAA");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), ErrorCode::kNotFound);
}

// Answers nobody by itself.
class Hoarder final : public rpc::SignInHandler {
 public:
  void start(const mesh::v1::StartSignInRequest&, const std::string&,
             std::shared_ptr<rpc::StartSignInCall> call) override {
    const std::lock_guard lock(mutex_);
    calls_.push_back(std::move(call));
    changed_.notify_all();
  }
  Result<mesh::v1::AwaitSignInResponse> await(const mesh::v1::AwaitSignInRequest&) override {
    return Error(ErrorCode::kNotFound, "nobody's");
  }
  std::vector<std::shared_ptr<rpc::StartSignInCall>> wait_for_calls(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kDeadline, [&] { return calls_.size() >= count; }));
    return calls_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<rpc::StartSignInCall>> calls_;  // guarded by mutex_
};

class HoardedCallTest : public ReceptionTest {
 protected:
  void TearDown() override {
    end_calls();
    for (auto& thread : threads_) thread.join();
    ReceptionTest::TearDown();
  }
  rpc::SignInHandler& handler() override { return hoarder_; }

  // More of them than gRPC has threads.
  std::vector<std::shared_ptr<rpc::StartSignInCall>> begin_calls() {
    constexpr std::size_t kCalls = 24;
    for (std::size_t i = 0; i < kCalls; ++i) {
      clients_.push_back(another_client());
      threads_.emplace_back([this, client = clients_.back().get()] {
        if (client->start(TestNode().registration())) ++invited_;
      });
    }
    return hoarder_.wait_for_calls(kCalls);
  }
  void end_calls() {
    for (const auto& client : clients_) client->cancel();
  }

  Hoarder hoarder_;
  std::vector<std::unique_ptr<rpc::SignInClient>> clients_;
  std::vector<std::thread> threads_;
  std::atomic<std::size_t> invited_ = 0;
};

TEST_F(HoardedCallTest, calls_that_wait_for_their_answer_keep_nobody_else_waiting) {
  const auto calls = begin_calls();
  EXPECT_EQ(client_->outcome("AAAA").error().code(), ErrorCode::kNotFound);
  mesh::v1::StartSignInResponse response;
  response.set_handle("handle");
  response.set_url("https://login.example/enter");
  response.set_user_code("CODE");
  for (const auto& call : calls) {
    EXPECT_TRUE(call->is_open());
    EXPECT_TRUE(call->answer(response));
    EXPECT_FALSE(call->is_open());
    EXPECT_FALSE(call->answer(response)) << "a second answer";
  }
  for (auto& thread : threads_) thread.join();
  threads_.clear();
  EXPECT_EQ(invited_, calls.size());
}

TEST_F(HoardedCallTest, who_answers_hears_that_the_caller_has_hung_up) {
  const auto calls = begin_calls();
  end_calls();
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  for (const auto& call : calls) {
    while (call->is_open() && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    EXPECT_FALSE(call->answer(mesh::v1::StartSignInResponse()));
  }
}

TEST_F(HoardedCallTest, service_that_stops_ends_the_calls_that_wait) {
  const auto calls = begin_calls();
  grpc_->Shutdown(std::chrono::system_clock::now());
  grpc_->Wait();
  grpc_.reset();
  for (const auto& call : calls) {
    EXPECT_FALSE(call->is_open());
    EXPECT_FALSE(call->answer(Error(ErrorCode::kUnavailable, "too late")));
  }
}

TEST(SourceOfPeer, is_an_address_or_the_prefix_of_a_customer) {
  EXPECT_EQ(source_of_peer("ipv4:192.0.2.7:1234"), "192.0.2.7");
  EXPECT_EQ(source_of_peer("ipv6:%5B2001:db8:1:2:3::4%5D:1234"), "2001:db8:1:2::/64");
  EXPECT_EQ(source_of_peer("ipv6:[2001:db8:1:2:3::4]:1234"), "2001:db8:1:2::/64");
  EXPECT_EQ(source_of_peer("unix:/run/x"), "unknown");
  EXPECT_EQ(source_of_peer(""), "unknown");
}

}  // namespace
}  // namespace kernmesh::server
