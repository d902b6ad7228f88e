// SPDX-License-Identifier: Apache-2.0
#include "controller/core/netcheck/netcheck.h"

#include <algorithm>

#include "controller/core/path/timing.h"

namespace kernmesh::netcheck {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr milliseconds kTryAgain{400};  // above the round trip around the world, about 300 ms
constexpr int kTries = 3;
constexpr milliseconds kLeastRound{20'000};  // (design) 20 to 26 s
constexpr std::uint64_t kRoundSpreadMs = 6000;
constexpr minutes kWholeRound{5};    // in between only the nearest are asked
constexpr std::size_t kNearest = 3;  // two tell about the mapping, one may be dead
constexpr std::size_t kMostServers = 64;
constexpr int kHomeMisses = 2;

}  // namespace

std::optional<bool> Report::mapping_varies() const {
  if (mapping == Mapping::kUnknown) return std::nullopt;
  return mapping != Mapping::kIndependent;
}

bool is_same_network(const Report& a, const Report& b) {
  return a.udp == b.udp && a.v4 == b.v4 && a.v6 == b.v6 && a.mapping == b.mapping &&
         a.guesses == b.guesses && a.home == b.home;
}

std::vector<Endpoint> reachable_endpoints(const Report& report, std::span<const Endpoint> local,
                                          std::size_t most) {
  std::vector<Endpoint> endpoints;
  const auto add = [&](const Endpoint& endpoint) {
    const bool is_known =
        std::find(endpoints.begin(), endpoints.end(), endpoint) != endpoints.end();
    if (!is_known && endpoints.size() < most) endpoints.push_back(endpoint);
  };
  const std::size_t seen = (report.v6 ? 1 : 0) + (report.v4 ? 1 : 0);
  const auto first = std::min(local.size(), most - std::min(most, seen));
  for (const auto& endpoint : local.first(first)) add(endpoint);
  if (report.v6) add(*report.v6);
  if (report.v4) add(*report.v4);
  for (const auto& endpoint : local.subspan(first)) add(endpoint);
  for (const auto& guess : report.guesses) add(guess);
  return endpoints;
}

std::vector<Endpoint> reported_endpoints(const std::optional<Report>& report,
                                         std::span<const Endpoint> local, std::size_t most) {
  Report sure = report.value_or(Report());
  sure.guesses.clear();
  return reachable_endpoints(sure, local, most);
}

void Netcheck::set_servers(MonoTime now, std::vector<Server> servers) {
  if (servers.size() > kMostServers) servers.resize(kMostServers);
  servers_ = std::move(servers);
  start(now);
}

void Netcheck::on_active(MonoTime now) {
  active_until_ = now + path::kSessionActive;
  if (!next_round_ && round_.empty()) next_round_ = now;
}

std::vector<RelayId> Netcheck::nearest_first() const {
  std::vector<RelayId> relays;
  if (report_) {
    for (const auto& latency : report_->latencies) relays.push_back(latency.relay);
  }
  return relays;
}

void Netcheck::start(MonoTime now) {
  last_whole_round_.reset();
  round_.clear();
  next_round_ = now;
  tick(now);
}

void Netcheck::tick(MonoTime now) {
  if (!round_.empty() && next_try_ && now >= *next_try_) ask(now);
  if (!round_.empty() || !next_round_ || now < *next_round_) return;
  next_round_.reset();
  const bool is_wanted = !last_whole_round_ || (active_until_ && now < *active_until_);
  if (!is_wanted) return;
  auto near = nearest_first();
  const bool whole =
      !last_whole_round_ || now - *last_whole_round_ >= kWholeRound || near.size() < kNearest;
  if (whole) last_whole_round_ = now;
  near.resize(std::min(near.size(), kNearest));
  for (const auto& server : servers_) {
    const bool wanted = whole || server.relay == home_ ||
                        std::find(near.begin(), near.end(), server.relay) != near.end();
    for (const auto family : {IpFamily::kV4, IpFamily::kV6}) {
      const auto endpoint =
          std::find_if(server.endpoints.begin(), server.endpoints.end(),
                       [&](const Endpoint& e) { return e.address.family() == family; });
      if (wanted && endpoint != server.endpoints.end())
        round_.push_back({server.relay, *endpoint, 0, std::nullopt});
    }
  }
  if (round_.empty()) return;
  transactions_.forget();
  ask(now);
}

void Netcheck::ask(MonoTime now) {
  bool sent = false;
  for (auto& question : round_) {
    if (question.answer || question.tries >= kTries) continue;
    ++question.tries;
    sent = true;
    commands_.emplace_back(
        SendStun{question.server, transactions_.ask(now, question.server, random_)});
  }
  next_try_ = now + kTryAgain;
  if (!sent) finish(now);
}

bool Netcheck::on_datagram(MonoTime now, std::span<const std::uint8_t> bytes,
                           const Endpoint& source) {
  const auto result = transactions_.on_datagram(now, bytes, source);
  const auto* seen = std::get_if<stun::Observation>(&result);
  if (seen == nullptr) return false;
  bool complete = true;
  for (auto& question : round_) {
    if (question.server == source && !question.answer) question.answer = *seen;
    complete = complete && question.answer.has_value();
  }
  if (complete && !round_.empty()) finish(now);
  return true;
}

std::vector<Endpoint> Netcheck::mapped_of(IpFamily family) const {
  std::vector<Endpoint> mapped;
  for (const auto& question : round_) {
    if (question.answer && question.server.address.family() == family)
      mapped.push_back(question.answer->mapped);
  }
  return mapped;
}

// The nearest alternates between relays of one distance, and behind a NAT that maps by destination
// each sees another port, as good as the others: what is reported stays while somebody sees it.
std::optional<Endpoint> Netcheck::steady(const Question* near,
                                         const std::optional<Endpoint>& before) const {
  if (near == nullptr) return std::nullopt;
  const auto seen = mapped_of(near->server.address.family());
  const bool stays = before && std::find(seen.begin(), seen.end(), *before) != seen.end();
  return stays ? before : near->answer->mapped;
}

bool Netcheck::is_server(RelayId relay) const {
  return std::any_of(servers_.begin(), servers_.end(),
                     [&](const Server& server) { return server.relay == relay; });
}

bool Netcheck::hears_home() const {
  return std::any_of(round_.begin(), round_.end(),
                     [&](const Question& q) { return q.relay == home_ && q.answer; });
}

void Netcheck::finish(MonoTime now) {
  Report report;
  report.made_at = now;
  std::map<RelayId, Duration> round_trips;
  const Question *near4 = nullptr, *near6 = nullptr;
  home_misses_ = !home_ || hears_home() ? 0 : home_misses_ + 1;
  for (const auto& question : round_) {
    if (!question.answer) continue;
    const auto round_trip = question.answer->round_trip;
    auto [known, fresh] = round_trips.emplace(question.relay, round_trip);
    if (!fresh) known->second = std::min(known->second, round_trip);
    const Question*& near = question.server.address.is_v4() ? near4 : near6;
    if (near == nullptr || round_trip < near->answer->round_trip) near = &question;
  }
  report.udp = near4 != nullptr || near6 != nullptr;
  report.v4 = steady(near4, report_ ? report_->v4 : std::nullopt);
  report.v6 = steady(near6, report_ ? report_->v6 : std::nullopt);
  report.mapping = mapping_of(mapped_of(IpFamily::kV4));
  report.guesses = guess_ports(mapped_of(IpFamily::kV4));
  // Those that this round did not ask are as far as they were, unless they are asked no more.
  for (const auto& latency : report_ ? report_->latencies : std::vector<relay::RelayLatency>()) {
    const bool asked = std::any_of(round_.begin(), round_.end(),
                                   [&](const Question& q) { return q.relay == latency.relay; });
    // One lost round is no reason to move house.
    const bool patient = latency.relay == home_ && home_misses_ < kHomeMisses;
    if (is_server(latency.relay) && (!asked || patient))
      round_trips.emplace(latency.relay, latency.round_trip);
  }
  for (const auto& [relay, round_trip] : round_trips)
    report.latencies.push_back({relay, round_trip});
  std::stable_sort(report.latencies.begin(), report.latencies.end(),
                   [](const auto& a, const auto& b) { return a.round_trip < b.round_trip; });
  home_ = report.home = relay::home_relay(home_, report.latencies);
  round_.clear();
  next_try_.reset();
  report_ = report;
  commands_.emplace_back(NewReport{std::move(report)});
  if (!active_until_ || now >= *active_until_) return;
  const auto drawn = random_.bytes<2>();
  next_round_ = now + kLeastRound + milliseconds((drawn[0] | drawn[1] << 8U) % kRoundSpreadMs);
}

std::optional<MonoTime> Netcheck::next_deadline() const {
  return round_.empty() ? next_round_ : next_try_;
}

}  // namespace kernmesh::netcheck
