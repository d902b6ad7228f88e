// SPDX-License-Identifier: Apache-2.0
#include "controller/oidc/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <atomic>
#include <mutex>

namespace kernmesh::oidc {
namespace {

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, FreeEasy>;
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

// A body as it arrives.
struct Sink {
  std::string body;
  std::size_t most_bytes = 0;
  bool overflows = false;
};

std::size_t take_body(char* data, std::size_t, std::size_t size, void* user) {
  auto& sink = *static_cast<Sink*>(user);
  sink.overflows = sink.body.size() + size > sink.most_bytes;
  if (sink.overflows) return 0;
  sink.body.append(data, size);
  return size;
}

int look_for_stop(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return *static_cast<const std::atomic<bool>*>(user) ? 1 : 0;
}

HeaderList with(HeaderList list, const std::string& header) {
  curl_slist* const longer = curl_slist_append(list.get(), header.c_str());
  if (longer != nullptr) {
    static_cast<void>(list.release());
    list.reset(longer);
  }
  return list;
}

class CurlClient final : public HttpClient {
 public:
  explicit CurlClient(HttpOptions options) : options_(std::move(options)) {}

  Result<HttpAnswer> send(const HttpRequest& request) override {
    MESH_TRY_ASSIGN(const auto url, signin::parse_web_url(request.url, options_.transport));
    const Easy easy(curl_easy_init());
    if (!easy) return Error(ErrorCode::kExhausted, "libcurl has no memory");
    Sink sink;
    sink.most_bytes = request.most_bytes;
    const HeaderList headers = set_up(easy.get(), request, sink);
    const CURLcode code = curl_easy_perform(easy.get());
    if (code != CURLE_OK) return failure(code, url, sink);
    HttpAnswer answer;
    curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &answer.status);
    answer.body = std::move(sink.body);
    return answer;
  }

  void stop() override { stopped_ = true; }

 private:
  // What it returns must live as long as the request.
  HeaderList set_up(CURL* easy, const HttpRequest& request, Sink& sink) {
    const bool may_be_clear = options_.transport == signin::Transport::kHttpsOrLoopback;
    curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, may_be_clear ? "https,http" : "https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    // Neither of them, whatever the environment says: a proxy would learn who signs in where.
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!options_.ca_file.empty()) {
      curl_easy_setopt(easy, CURLOPT_CAINFO, options_.ca_file.c_str());
      curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
    }
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(options_.timeout.count()));
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "kernmesh/" KERNMESH_VERSION);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &sink);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, look_for_stop);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &stopped_);
    if (request.form) {
      curl_easy_setopt(easy, CURLOPT_POST, 1L);
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(request.form->size()));
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.form->c_str());
    }
    HeaderList headers = with(nullptr, "Accept: application/json");
    headers = with(std::move(headers), "Expect:");  // no second round trip for a form
    if (!request.authorization.empty()) {
      headers = with(std::move(headers), "Authorization: " + request.authorization);
    }
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
    return headers;
  }

  Error failure(CURLcode code, const signin::WebUrl& url, const Sink& sink) const {
    const std::string attempt = "ask " + url.origin + ": ";
    if (sink.overflows) {
      return {ErrorCode::kExhausted,
              attempt + "the answer has more than " + std::to_string(sink.most_bytes) + " bytes"};
    }
    if (code == CURLE_OPERATION_TIMEDOUT) {
      return {ErrorCode::kUnavailable, attempt + "no whole answer within " +
                                           std::to_string(options_.timeout.count()) + " ms"};
    }
    return {ErrorCode::kUnavailable, attempt + curl_easy_strerror(code)};
  }

  HttpOptions options_;
  std::atomic<bool> stopped_ = false;
};

}  // namespace

std::unique_ptr<HttpClient> make_http_client(HttpOptions options) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  return std::make_unique<CurlClient>(std::move(options));
}

}  // namespace kernmesh::oidc
