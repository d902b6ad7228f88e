// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/local_server.h"

#include <grpcpp/grpcpp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "controller/base/unique_fd.h"
#include "controller/rpc/status.h"
#include "mesh/v1/local.grpc.pb.h"

namespace kernmesh::rpc {
namespace {

template <typename T>
grpc::Status fill(Result<T> result, T* response) {
  if (!result) return to_grpc(result.error());
  *response = std::move(*result);
  return grpc::Status::OK;
}

class Service final : public mesh::v1::Local::Service {
 public:
  explicit Service(LocalHandler& handler) : handler_(handler) {}

  grpc::Status Up(grpc::ServerContext*, const mesh::v1::UpRequest* request,
                  mesh::v1::UpResponse* response) override {
    return fill(handler_.up(*request), response);
  }
  grpc::Status SignIn(grpc::ServerContext* context, const mesh::v1::UpRequest* request,
                      grpc::ServerWriter<mesh::v1::SignInResponse>* writer) override {
    return ended(handler_.sign_in(*request, stream_to(*context, *writer)));
  }
  grpc::Status Down(grpc::ServerContext*, const mesh::v1::DownRequest*,
                    mesh::v1::DownResponse* response) override {
    return fill(handler_.down(), response);
  }
  grpc::Status Logout(grpc::ServerContext*, const mesh::v1::LogoutRequest*,
                      mesh::v1::LogoutResponse* response) override {
    return fill(handler_.logout(), response);
  }
  grpc::Status Status(grpc::ServerContext*, const mesh::v1::StatusRequest*,
                      mesh::v1::StatusResponse* response) override {
    return fill(handler_.status(), response);
  }
  grpc::Status Netcheck(grpc::ServerContext*, const mesh::v1::NetcheckRequest*,
                        mesh::v1::NetcheckResponse* response) override {
    return fill(handler_.netcheck(), response);
  }
  grpc::Status Routes(grpc::ServerContext*, const mesh::v1::RoutesRequest*,
                      mesh::v1::RoutesResponse* response) override {
    return fill(handler_.routes(), response);
  }
  grpc::Status Version(grpc::ServerContext*, const mesh::v1::VersionRequest*,
                       mesh::v1::VersionResponse* response) override {
    *response = handler_.version();
    return grpc::Status::OK;
  }
  grpc::Status Ping(grpc::ServerContext* context, const mesh::v1::PingRequest* request,
                    grpc::ServerWriter<mesh::v1::PingResponse>* writer) override {
    // Ten a second is enough for a person and too little for a flood.
    const auto interval =
        std::chrono::milliseconds(std::clamp(request->interval_ms(), 100u, 3'600'000u));
    for (std::uint32_t sequence = 1; request->count() == 0 || sequence <= request->count();
         ++sequence) {
      const auto next = std::chrono::steady_clock::now() + interval;
      auto result = handler_.ping(request->target());
      if (!result) return to_grpc(result.error());
      result->set_sequence(sequence);
      if (!writer->Write(*result)) return grpc::Status::CANCELLED;
      if (sequence == request->count()) break;
      if (!wait_until(next, *context)) return grpc::Status::CANCELLED;
    }
    return grpc::Status::OK;
  }

  grpc::Status AclShow(grpc::ServerContext*, const mesh::v1::AclShowRequest*,
                       mesh::v1::AclShowResponse* response) override {
    return fill(handler_.acl_show(), response);
  }
  grpc::Status AclExplain(grpc::ServerContext*, const mesh::v1::AclExplainRequest* request,
                          mesh::v1::AclExplainResponse* response) override {
    return fill(handler_.acl_explain(*request), response);
  }
  grpc::Status AclStats(grpc::ServerContext*, const mesh::v1::AclStatsRequest*,
                        mesh::v1::AclStatsResponse* response) override {
    return fill(handler_.acl_stats(), response);
  }
  grpc::Status LockShow(grpc::ServerContext*, const mesh::v1::LockShowRequest*,
                        mesh::v1::LockShowResponse* response) override {
    return fill(handler_.lock_show(), response);
  }
  grpc::Status LockSign(grpc::ServerContext*, const mesh::v1::LockSignRequest* request,
                        mesh::v1::LockSignResponse* response) override {
    return fill(handler_.lock_sign(*request), response);
  }
  grpc::Status Drops(grpc::ServerContext* context, const mesh::v1::DropsRequest* request,
                     grpc::ServerWriter<mesh::v1::AclEvent>* writer) override {
    return ended(handler_.drops(*request, stream_to(*context, *writer)));
  }
  grpc::Status Flows(grpc::ServerContext* context, const mesh::v1::FlowsRequest* request,
                     grpc::ServerWriter<mesh::v1::FlowsResponse>* writer) override {
    return ended(handler_.flows(*request, stream_to(*context, *writer)));
  }

  void stop() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }

 private:
  static grpc::Status ended(const kernmesh::Status& status) {
    return status ? grpc::Status::OK : to_grpc(status.error());
  }

  // Borrows both.
  template <typename Message>
  Stream<Message> stream_to(grpc::ServerContext& context, grpc::ServerWriter<Message>& writer) {
    return {[&writer](const Message& message) { return writer.Write(message); },
            [this, &context] {
              const std::lock_guard lock(mutex_);
              return !stopping_ && !context.IsCancelled();
            }};
  }

  // False when the caller hung up or the server stops.
  bool wait_until(std::chrono::steady_clock::time_point when, const grpc::ServerContext& context) {
    std::unique_lock lock(mutex_);
    while (!stopping_ && !context.IsCancelled()) {
      // gRPC's synchronous API has no event for a hang-up; a tenth of a second is soon enough.
      const auto step =
          std::min(when, std::chrono::steady_clock::now() + std::chrono::milliseconds(100));
      changed_.wait_until(lock, step);
      if (std::chrono::steady_clock::now() >= when) return !stopping_;
    }
    return false;
  }

  LocalHandler& handler_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;  // guarded by mutex_
};

// Whether a process answers on the socket.
bool somebody_listens(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return fd && connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

struct LocalServer::Parts {
  Parts(std::string path_in, LocalHandler& handler) : path(std::move(path_in)), service(handler) {}
  std::string path;
  Service service;
  std::unique_ptr<grpc::Server> server;
};

LocalServer::LocalServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
LocalServer::LocalServer(LocalServer&&) noexcept = default;
LocalServer::~LocalServer() { stop(); }

Result<LocalServer> LocalServer::start(const std::string& path, LocalHandler& handler) {
  if (path.empty() || path.front() != '/' || path.size() >= sizeof(sockaddr_un::sun_path)) {
    return Error(ErrorCode::kInvalid,
                 "socket path \"" + path + "\" is not an absolute path of at most 107 bytes");
  }
  if (somebody_listens(path)) {
    return Error(ErrorCode::kAlreadyExists,
                 "another agent listens on " + path + "; give this one --socket PATH");
  }
  const std::string directory = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
  if (mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST) {
    return Error::from_errno("cannot create " + directory, errno);
  }
  if (unlink(path.c_str()) != 0 && errno != ENOENT)
    return Error::from_errno("cannot replace " + path, errno);

  auto parts = std::make_unique<Parts>(path, handler);
  grpc::ServerBuilder builder;
  builder.AddListeningPort("unix:" + path, grpc::InsecureServerCredentials());
  builder.RegisterService(&parts->service);
  builder.SetMaxReceiveMessageSize(64 *
                                   1024);  // the largest request is a hundred nodes to sign for
  const mode_t before =
      umask(0177);  // created with 0600, so there is no moment in which it is open
  parts->server = builder.BuildAndStart();
  umask(before);
  if (!parts->server) return Error(ErrorCode::kSystem, "cannot listen on " + path);
  return LocalServer(std::move(parts));
}

void LocalServer::stop() {
  if (!parts_ || !parts_->server) return;
  parts_->service.stop();
  parts_->server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
  parts_->server->Wait();
  parts_->server.reset();
  unlink(parts_->path.c_str());
}

}  // namespace kernmesh::rpc
