// SPDX-License-Identifier: Apache-2.0
#include "controller/relay/relay.h"

#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <mutex>

#include "controller/core/relay/snapshot.h"
#include "controller/core/stun/message.h"
#include "controller/host/event_loop.h"
#include "controller/host/http_page.h"
#include "controller/host/kernel_random.h"
#include "controller/host/public_socket.h"
#include "controller/relay/admission.h"
#include "controller/relay/certificate.h"
#include "controller/relay/forwarding.h"
#include "controller/relay/metrics.h"
#include "controller/relay/own_addresses.h"
#include "controller/relay/signals.h"
#include "controller/relay/state_dir.h"
#include "controller/relay/stun_answers.h"
#include "controller/relay/tls_listener.h"

namespace kernmesh::relay {
namespace {

constexpr auto kTick = std::chrono::seconds(1);
// Default routes are read after addresses have changed, and again, because a route comes later than
// its address; not each time, for a router may have a million.
constexpr int kLooksForRoutes = 3;
constexpr auto kReadUsageEvery = std::chrono::seconds(5);  // a walk of the table; bindings last 90

Now read_clocks() {
  return {host::mono_now(),
          std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now())};
}

SessionSettings session_settings(const RelayDaemonOptions& options) {
  SessionSettings settings;
  settings.networks = options.networks;
  settings.forbidden.own = own_addresses();
  if (options.allow_loopback) settings.forbidden.loopback = Forbidden::Loopback::kAllowed;
  if (options.public_clients_only) settings.forbidden.private_ones = Forbidden::Private::kForbidden;
  settings.limits.clients = options.max_clients;
  settings.limits.wishes = options.max_channels;
  return settings;
}

}  // namespace

struct RelayDaemon::State {
  State(const RelayDaemonOptions& with, StateDir dir, const X25519SecretKey& key,
        host::EventLoop on, host::PublicSocket at)
      : options(with),
        files(std::move(dir)),
        public_key(relay_public_key(key)),
        loop(std::move(on)),
        socket(std::move(at)),
        table(session_settings(with), key, host::kernel_random()),
        admission(files, table, with.networks) {}

  Status start();
  Status start_link();
  void obey(const rpc::RelayOrders& orders);
  void report_load(MonoTime now);
  Status open_kernel_path();
  void restore();
  Status watch_signals();
  Status start_http();

  void on_udp(int fd);
  void on_datagram(const Origin& from, std::span<const std::uint8_t> datagram);
  void send(const Origin& to, std::span<const std::uint8_t> bytes);
  void execute(const Commands& commands);
  void on_signal();
  std::optional<MonoTime> settle();
  void read_usage(const Now& now);
  void follow_addresses();
  void tend_kernel_path();
  void save();
  void publish();

  RelayDaemonOptions options;
  StateDir files;
  RelayPublicKey public_key;
  host::EventLoop loop;
  host::PublicSocket socket;
  SessionTable table;
  Admission admission;
  StunAnswers stun_answers;
  std::optional<KernelPath> kernel;
  std::vector<PortState> ports;  // of the interfaces that were asked to carry the program
  Certificate certificate;       // of tls
  std::unique_ptr<TlsListener> tls;
  UniqueFd signals;
  std::set<IpAddress> own;  // addresses of this host
  int looks_for_routes = 0;
  MonoTime next_tick{}, next_usage{};
  std::uint64_t saved_generation = 0, unknown_datagrams = 0;
  std::uint64_t forwarded_before = 0;
  MonoTime next_load{};
  std::mutex page_mutex;
  std::string page;  // guarded by page_mutex; written by the loop, read by the page's thread
  // Last: their threads end before what they use goes.
  std::unique_ptr<host::HttpServer> http;
  std::unique_ptr<ServerLink> link;
};

Status RelayDaemon::State::start() {
  MESH_TRY(open_kernel_path());
  if (!options.link.server.empty()) admission.load();
  restore();
  execute(admission.settle(read_clocks()));
  if (options.tls.value() != 0) {
    TlsListener::Events events;
    events.on_datagram = [this](const Origin& from, std::span<const std::uint8_t> bytes) {
      on_datagram(from, bytes);
    };
    events.on_closed = [this](StreamId stream) {
      execute(table.on_stream_closed(stream, read_clocks()));
    };
    if (options.tls == options.udp)
      return Error(ErrorCode::kInvalid,
                   "--listen-tls and --listen-udp are the same number; nodes tell the two by it");
    MESH_TRY_ASSIGN(certificate, open_certificate(options.certificate, options.certificate_key,
                                                  files, host::wall_now()));
    MESH_TRY_ASSIGN(
        tls, TlsListener::open({options.tls, certificate.chain_path, certificate.key_path}, loop,
                               std::move(events)));
  }
  for (const int fd : socket.fds()) {
    if (fd >= 0) MESH_TRY(loop.watch(fd, [this, fd] { on_udp(fd); }));
  }
  MESH_TRY(watch_signals());
  MESH_TRY(start_link());
  return start_http();
}

Status RelayDaemon::State::start_link() {
  if (options.link.server.empty()) return {};
  ServerLink::Events events;
  events.on_orders = [this](const rpc::RelayOrders& orders) {
    loop.post([this, orders] { obey(orders); });
  };
  events.on_removed = [this] { loop.post([this] { obey({{}, true}); }); };
  MESH_TRY_ASSIGN(
      link, ServerLink::start(options.link, {options.udp, options.tls, certificate.fingerprint},
                              files, std::move(events)));
  return {};
}

void RelayDaemon::State::obey(const rpc::RelayOrders& orders) {
  execute(admission.obey(orders, read_clocks()));
}

Status RelayDaemon::State::open_kernel_path() {
  KernelPathOptions path{options.instance, options.interfaces, {}, options.max_channels};
  path.config.port = options.udp;
  path.config.bytes_per_second = options.channel_bytes_per_second;
  MESH_TRY_ASSIGN(auto forwarding, open_forwarding(std::move(path)));
  kernel = std::move(forwarding.kernel);
  ports = std::move(forwarding.ports);
  follow_addresses();
  return {};
}

void RelayDaemon::State::restore() {
  const auto bytes = files.read_sessions();
  const auto saved =
      bytes ? parse_snapshot(*bytes) : Result<std::vector<SavedClient>>(bytes.error());
  std::set<bpf::RelaySource> wanted;
  if (saved) {
    const Commands commands = table.restore(*saved, read_clocks());
    execute(commands);
    for (const auto& change : commands.channels) wanted.insert({change.from.client, change.in});
    spdlog::info("{} clients and {} channels of an earlier run", table.client_count(),
                 table.wish_count());
  } else if (saved.error().code() != ErrorCode::kNotFound) {
    spdlog::warn("starting with nobody: {}", saved.error().message());
  }
  saved_generation = table.generation();
  if (!kernel) return;
  if (const auto kept = kernel->begin(wanted); !kept) spdlog::warn("{}", kept.error().message());
}

Status RelayDaemon::State::watch_signals() {
  const sigset_t set = own_signals();
  signal(SIGPIPE, SIG_IGN);
  signals.reset(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return Error::from_errno("watch signals", errno);
  return loop.watch(signals.get(), [this] { on_signal(); });
}

Status RelayDaemon::State::start_http() {
  if (!options.http) return {};
  publish();
  host::HttpPages pages;
  pages.metrics = [this] {
    const std::lock_guard lock(page_mutex);
    return page;
  };
  pages.is_healthy = [] { return true; };
  MESH_TRY_ASSIGN(http, host::start_http_server(*options.http, std::move(pages)));
  return {};
}

void RelayDaemon::State::on_udp(int fd) {
  socket.receive(fd, [this](std::span<const std::uint8_t> bytes, const Endpoint& source,
                            const IpAddress& local) {
    on_datagram({source, local, {}}, bytes);
  });
}

void RelayDaemon::State::on_datagram(const Origin& from, std::span<const std::uint8_t> datagram) {
  const Now now = read_clocks();
  if (is_control(datagram)) {
    execute(table.on_control(from, datagram, now));
  } else if (parse_data(datagram)) {
    if (const auto onward = table.on_data(from, datagram, now)) send(onward->to, onward->bytes);
  } else if (stun::is_stun(datagram)) {
    const auto answer = stun_answers.answer_to(datagram, from.client, now.mono);
    if (answer) send(from, *answer);
  } else {
    ++unknown_datagrams;
  }
}

void RelayDaemon::State::send(const Origin& to, std::span<const std::uint8_t> bytes) {
  if (to.stream.value() != 0) {
    if (tls) tls->send(to.stream, bytes);
    return;
  }
  const auto sent = socket.send(to.client, to.local, bytes);
  if (!sent) spdlog::debug("{}", sent.error().message());
}

void RelayDaemon::State::execute(const Commands& commands) {
  for (const auto& change : commands.channels) {
    if (!kernel || change.from.stream.value() != 0) continue;
    const Status done = change.onward
                            ? kernel->maps().set_channel(change.from, change.in, *change.onward)
                            : kernel->maps().remove_channel({change.from.client, change.in});
    if (!done) spdlog::warn("{}", done.error().message());
  }
  if (tls) {
    const MonoTime now = host::mono_now();
    for (const StreamId stream : commands.left) tls->set_unbound(stream, now);
    if (commands.bound) tls->set_bound(*commands.bound, now);
  }
  for (const auto& out : commands.send) send(out.to, out.bytes);
}

void RelayDaemon::State::on_signal() {
  signalfd_siginfo info{};
  while (::read(signals.get(), &info, sizeof info) == sizeof info) {
    if (info.ssi_signo != SIGUSR1) {
      loop.stop();
      return;
    }
    execute(admission.drain_by_hand(read_clocks()));
  }
}

std::optional<MonoTime> RelayDaemon::State::settle() {
  const Now now = read_clocks();
  if (now.mono < next_tick) return next_tick;
  if (now.mono >= next_usage) {
    read_usage(now);
    follow_addresses();
    tend_kernel_path();
    next_usage = now.mono + kReadUsageEvery;
  }
  execute(table.expire(now));
  if (tls) tls->expire(now.mono);
  if (table.generation() != saved_generation) save();
  publish();
  report_load(now.mono);
  next_tick = now.mono + kTick;
  return next_tick;
}

void RelayDaemon::State::read_usage(const Now& now) {
  if (!kernel) return;
  const auto usage = kernel->maps().usage();
  if (!usage) {
    spdlog::warn("{}", usage.error().message());
    return;
  }
  for (const auto& use : *usage) {
    if (use.last != MonoTime{}) table.on_use(use.source.channel, use.last, now);
  }
}

void RelayDaemon::State::follow_addresses() {
  auto found = own_addresses();
  if (found.empty()) return;
  if (found != own) looks_for_routes = kLooksForRoutes;
  own = std::move(found);
  if (kernel) {
    if (const auto set = kernel->maps().set_locals(own); !set) {
      spdlog::warn("{}", set.error().message());
    }
  }
  table.set_own_addresses(own);
}

void RelayDaemon::State::tend_kernel_path() {
  if (!kernel) return;
  const bool by_route = options.interfaces.empty();
  const bool asks_routes = by_route && (looks_for_routes > 0 || kernel->lacks_interface());
  looks_for_routes = std::max(looks_for_routes - 1, 0);
  // An empty list of names means default routes.
  const bool changed = by_route && !asks_routes ? tend_forwarding(*kernel, kernel->names())
                                                : tend_forwarding(*kernel, options.interfaces);
  if (changed) ports = kernel->ports();
}

void RelayDaemon::State::report_load(MonoTime now) {
  if (!link || now < next_load) return;
  std::uint64_t forwarded = table.counts().forwarded;
  if (kernel) forwarded += kernel->forwarded();
  mesh::v1::RelayLoad load;
  load.set_clients(static_cast<std::uint32_t>(table.client_count()));
  load.set_pairs(static_cast<std::uint32_t>(table.pair_count()));
  load.set_tls_connections(static_cast<std::uint32_t>(tls ? tls->connection_count() : 0));
  if (next_load != MonoTime{})
    load.set_packets_per_second((forwarded - forwarded_before) / kReadUsageEvery.count());
  link->set_load(load);
  forwarded_before = forwarded;
  next_load = now + kReadUsageEvery;
}

void RelayDaemon::State::save() {
  const auto written = files.write_sessions(to_bytes(table.save()));
  if (!written) spdlog::warn("who is bound is not saved: {}", written.error().message());
  saved_generation = table.generation();
}

void RelayDaemon::State::publish() {
  Numbers numbers;
  numbers.clients = table.client_count();
  numbers.channels = table.wish_count();
  numbers.tls_connections = tls ? tls->connection_count() : 0;
  numbers.draining = table.is_draining();
  numbers.counts = table.counts();
  numbers.stun_answers = stun_answers.count();
  numbers.unknown_datagrams = unknown_datagrams;
  numbers.ports = ports;
  if (kernel) {
    if (auto counters = kernel->maps().counters()) numbers.kernel = std::move(*counters);
  }
  std::string text = render_metrics(numbers);
  const std::lock_guard lock(page_mutex);
  page = std::move(text);
}

RelayDaemon::RelayDaemon(std::unique_ptr<State> state) : state_(std::move(state)) {}
RelayDaemon::~RelayDaemon() = default;

Result<std::unique_ptr<RelayDaemon>> RelayDaemon::open(const RelayDaemonOptions& options) {
  MESH_TRY_ASSIGN(StateDir files, StateDir::open(options.state_dir));
  MESH_TRY_ASSIGN(const X25519SecretKey key, files.key());
  MESH_TRY_ASSIGN(host::EventLoop loop, host::EventLoop::open());
  MESH_TRY_ASSIGN(host::PublicSocket socket, host::PublicSocket::open(options.udp));
  auto state =
      std::make_unique<State>(options, std::move(files), key, std::move(loop), std::move(socket));
  MESH_TRY(state->start());
  return std::unique_ptr<RelayDaemon>(new RelayDaemon(std::move(state)));
}

RelayPublicKey RelayDaemon::public_key() const { return state_->public_key; }
std::string RelayDaemon::forwarding() const { return describe(state_->ports); }

Status RelayDaemon::run(const std::function<void()>& on_ready) {
  on_ready();
  State* s = state_.get();
  const Status ended = s->loop.run([s] { return s->settle(); });
  s->save();
  return ended;
}

}  // namespace kernmesh::relay
