// SPDX-License-Identifier: Apache-2.0
// Every method of every service of a real server, called by every kind of caller: what the server
// does is what docs/api.md says, and what rpc/method_access says.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/unknown_field_set.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <fstream>
#include <map>

#include "controller/rpc/channel.h"
#include "controller/rpc/method_access.h"
#include "controller/rpc/relay_registrar.h"
#include "tests/unit/server/people.h"

namespace kernmesh::server {
namespace {

// As docs/api.md has it.
struct Documented {
  std::string who;
  std::string role;
  std::set<std::string> scopes;
};

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::string cell;
  for (const char c : line.substr(1)) {
    if (c == '|') {
      const auto first = cell.find_first_not_of(' ');
      const auto last = cell.find_last_not_of(' ');
      cells.push_back(first == std::string::npos ? "" : cell.substr(first, last - first + 1));
      cell.clear();
    } else if (c != '`') {
      cell += c;
    }
  }
  return cells;
}

std::map<std::string, Documented> documented_methods() {
  std::map<std::string, Documented> methods;
  std::ifstream file(MESH_SOURCE_DIR "/docs/api.md");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("| `") || line.find('/') == std::string::npos) continue;
    const auto cells = cells_of(line);
    if (cells.size() != 4) continue;
    Documented method{cells[1], cells[2], {}};
    std::string scope;
    for (const char c : cells[3] + ",") {
      if (c == ',') {
        if (!scope.empty()) method.scopes.insert(scope);
        scope.clear();
      } else if (c != ' ') {
        scope += c;
      }
    }
    methods["/" + cells[0]] = std::move(method);
  }
  return methods;
}

class AccessTest : public PeopleTest {
 protected:
  // The first message of the answer, or how the call ended; a call that is let in and says nothing
  // for as long as it lives does not occur here.
  struct Answer {
    grpc::Status status;
    std::string message;
  };
  Answer call(const std::string& path, const std::string& token, const std::string& request = "") {
    if (stubs_.empty()) open_connection();
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kDeadline);
    if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
    grpc::CompletionQueue queue;
    const auto stream = stubs_.back()->PrepareCall(&context, path, &queue);
    const auto wait = [&] {
      void* tag = nullptr;
      bool ok = false;
      EXPECT_TRUE(queue.Next(&tag, &ok));
      return ok;
    };
    const grpc::Slice slice(request);
    grpc::ByteBuffer response;
    Answer answer;
    stream->StartCall(this);
    if (wait()) {
      stream->WriteLast(grpc::ByteBuffer(&slice, 1), {}, this);
      wait();
      stream->Read(&response, this);
      if (wait()) {
        answer.message = text_of(response);
        context.TryCancel();
      }
    }
    stream->Finish(&answer.status, this);
    wait();
    if (!answer.message.empty() || response.Valid()) answer.status = grpc::Status::OK;
    queue.Shutdown();
    return answer;
  }
  static std::string text_of(const grpc::ByteBuffer& buffer) {
    std::vector<grpc::Slice> slices;
    std::string text;
    if (!buffer.Dump(&slices).ok()) return text;
    for (const auto& slice : slices) text.append(slice.begin(), slice.end());
    return text;
  }

  // Paths of all that the server serves, as it tells by reflection itself.
  std::vector<std::string> served_methods() {
    // ServerReflectionRequest{list_services: "*"} and the names in ListServiceResponse.
    const auto answer =
        call("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", token_, "\x3a\x01*");
    EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
    google::protobuf::Empty response;
    EXPECT_TRUE(response.ParseFromString(answer.message));
    std::vector<std::string> paths;
    for (const auto& service : nested(nested(answer.message, 6), 1)) {
      for (const auto& name : nested({service}, 1)) add_methods(name, paths);
    }
    return paths;
  }
  // The length-delimited fields of that number in all of these messages.
  static std::vector<std::string> nested(const std::vector<std::string>& messages, int number) {
    std::vector<std::string> found;
    for (const auto& text : messages) {
      google::protobuf::UnknownFieldSet fields;
      EXPECT_TRUE(fields.ParseFromString(text));
      for (int i = 0; i < fields.field_count(); ++i) {
        if (fields.field(i).number() == number) found.push_back(fields.field(i).length_delimited());
      }
    }
    return found;
  }
  static std::vector<std::string> nested(const std::string& message, int number) {
    return nested(std::vector<std::string>{message}, number);
  }
  static void add_methods(const std::string& name, std::vector<std::string>& paths) {
    if (name == "grpc.health.v1.Health") {  // gRPC's own, which has no descriptor
      paths.insert(paths.end(), {"/" + name + "/Check", "/" + name + "/Watch"});
      return;
    }
    const auto* service =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
    ASSERT_NE(service, nullptr) << name;
    for (int i = 0; i < service->method_count(); ++i) {
      paths.push_back("/" + name + "/" + service->method(i)->name());
    }
  }

  std::string relay_token() {
    mesh::v1::CreateJoinKeyRequest request;
    request.set_relay(true);
    const auto key = admin_->create_join_key(request);
    Ed25519SecretKey machine;
    std::array<std::uint8_t, 32> bytes{};
    crypto_sign_keypair(bytes.data(), machine.mutable_bytes().data());
    randombytes_buf(bytes.data(), bytes.size());
    const auto session =
        rpc::RelayRegistrar(address_, ca_pem_, server_->fingerprint())
            .register_relay({machine, RelayPublicKey(bytes), key->secret(), "relay", "fra"});
    EXPECT_TRUE(session) << session.error().message();
    return session ? session->token : "";
  }

  // One connection may not make as many calls as all of them, and one that has ended leaves what it
  // made to the next (rpc/connection_calls.h): the newest is used, the others stay.
  void open_connection() {
    stubs_.push_back(std::make_unique<grpc::GenericStub>(
        rpc::secure_channel(address_, ca_pem_, rpc::ChannelUse::kCalls)));
  }
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs_;
};

// So that whoever is let in hears something.
std::string request_for(const std::string& path) {
  mesh::v1::WatchEventsRequest watch;
  watch.set_after_id(0);
  return path == "/mesh.v1.Admin/WatchEvents" ? watch.SerializeAsString() : "";
}

bool is_refusal(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAUTHENTICATED ||
         status.error_code() == grpc::StatusCode::PERMISSION_DENIED;
}

// A caller and what he has of the three things that the table asks for.
struct Kind {
  std::string name;
  std::string who;
  topology::Role role = topology::Role::kMember;
  std::string scope = "all";
};

bool is_let_in(const Kind& kind, const Documented& method) {
  if (method.who == "anyone") return true;
  if (method.who != kind.who) return false;
  if (method.who != "person") return true;
  return kind.role >= *topology::parse_role(method.role) && method.scopes.contains(kind.scope);
}

TEST_F(AccessTest, documentation_table_and_server_name_the_same_methods) {
  const auto documented = documented_methods();
  std::set<std::string> in_table, in_docs, served;
  for (const auto& method : rpc::every_method()) in_table.emplace(method.path);
  for (const auto& [path, method] : documented) in_docs.insert(path);
  for (const auto& path : served_methods()) served.insert(path);
  EXPECT_EQ(in_table, in_docs);
  EXPECT_EQ(served, in_docs);
}

// C10: every RPC by every role.
TEST_F(AccessTest, c10_every_method_answers_exactly_whom_the_documentation_names) {
  const auto documented = documented_methods();
  using topology::Role;
  std::vector<Kind> kinds{{"nobody", "", {}, ""},
                          {"node", "node", {}, ""},
                          {"relay", "relay", {}, ""},
                          {"administrator token", "person", Role::kOwner, "all"}};
  std::map<std::string, std::string> tokens{
      {"nobody", ""}, {"relay", relay_token()}, {"administrator token", token_}};
  for (const char* role : {"member", "auditor", "network-admin", "admin", "owner"}) {
    make_user(role, std::string(role) == "member" ? "" : role);
    for (const char* scope : {"all", "read", "keys", "policy"}) {
      const std::string name = std::string(role) + ", scope " + scope;
      kinds.push_back({name, "person", *topology::parse_role(role), scope});
      tokens[name] = make_token(token_request(role, scope)).secret();
    }
  }
  int calls = 0;
  for (const auto& path : served_methods()) {
    ASSERT_TRUE(documented.contains(path)) << path << " is not in docs/api.md";
    open_connection();
    for (const auto& kind : kinds) {
      // A node that has left has no token any more.
      const auto token = kind.who == "node" ? join(TestNode()).token : tokens.at(kind.name);
      const auto status = call(path, token, request_for(path)).status;
      EXPECT_EQ(!is_refusal(status), is_let_in(kind, documented.at(path)))
          << path << " by " << kind.name << ": " << status.error_code() << " "
          << status.error_message();
      ++calls;
    }
  }
  EXPECT_EQ(calls, 53 * 24);
}

TEST_F(AccessTest, c10_tokens_that_are_over_or_forged_open_nothing) {
  make_user("owner", "owner");
  auto request = token_request("owner");
  const auto revoked = make_token(request);
  ASSERT_TRUE(admin_->revoke_token(revoked.token().id()));
  request.set_lifetime_seconds(60);
  const auto expired = make_token(request).secret();
  clock_offset_s_ = 61;
  topology::Ticket forged;
  forged.kind = topology::TicketKind::kAdminToken;
  forged.ca = server_->fingerprint();
  const auto join_key = make_key().secret();
  for (const auto& path : served_methods()) {
    if (rpc::access_of(path).caller != rpc::CallerKind::kPerson) continue;
    for (const auto& token : {revoked.secret(), expired, to_string(forged), join_key}) {
      EXPECT_EQ(call(path, token).status.error_code(), grpc::StatusCode::UNAUTHENTICATED) << path;
    }
  }
}

TEST_F(AccessTest, c10_a_method_that_no_table_names_is_refused_also_to_the_administrator) {
  for (const char* path : {"/mesh.v1.Admin/Forgotten", "/mesh.v1.Other/Method",
                           "/grpc.channelz.v1.Channelz/GetServers"}) {
    EXPECT_EQ(call(path, token_).status.error_code(), grpc::StatusCode::PERMISSION_DENIED) << path;
    EXPECT_EQ(call(path, "").status.error_code(), grpc::StatusCode::UNAUTHENTICATED) << path;
  }
}

}  // namespace
}  // namespace kernmesh::server
