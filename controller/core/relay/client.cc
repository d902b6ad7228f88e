// SPDX-License-Identifier: Apache-2.0
#include "controller/core/relay/client.h"

#include <algorithm>

namespace kernmesh::relay {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// As often as a NAT's mapping needs it (RFC 4787 asks for two minutes, many keep 30 s), and so that
// three refreshes fit into a binding's lifetime.
constexpr milliseconds kLeastRefresh{20'000};
constexpr std::uint64_t kRefreshSpreadMs = 6000;
constexpr seconds kMostPause{30};
// A peer that was not there, or that closed: the relay tells when it comes, but that may be lost.
constexpr seconds kAskAgain{2};
constexpr seconds kMostAskAgain{20};
constexpr seconds kRefusedPause{30};  // a relay that is full, a ticket that is not good
constexpr seconds kLiarPause{600};    // broken or hostile; another serves meanwhile
constexpr int kMostChallenges = 4;
constexpr std::size_t kRememberedSequences = 8;
constexpr std::size_t kMostAtOnce = 16;  // requests in one go; relays limit their sources

std::uint64_t draw(path::RandomStream& random, std::uint64_t below) {
  const auto bytes = random.bytes<4>();
  return (bytes[0] | bytes[1] << 8U | bytes[2] << 16U) % below;
}

}  // namespace

RelayClient::RelayClient(Settings settings, RelayAddress relay)
    : disco_secret_(settings.disco_secret),
      disco_key_(disco_public_key(settings.disco_secret)),
      relay_(std::move(relay)),
      shared_(shared_key(relay_.key, disco_secret_)),
      random_(std::move(settings.random)),
      first_sequence_(settings.first_sequence) {}

void RelayClient::set_ticket(MonoTime now, const TicketBytes& ticket) {
  if (ticket_ == ticket) return;
  ticket_ = ticket;
  ticket_is_new_ = true;
  if (state_ == ClientState::kAway) retry_at_ = now;
}

void RelayClient::bind(MonoTime now) {
  if (state_ == ClientState::kIdle && ticket_ && shared_) greet(now);
}

void RelayClient::leave() {
  for (auto& [peer, pair] : pairs_) take_down(peer, pair);
  pairs_.clear();
  queue_.clear();
  state_ = ClientState::kIdle;
  observed_.reset();
}

void RelayClient::open(MonoTime now, const DiscoPublicKey& peer) {
  queue_.remove(RequestType::kClose, peer);
  if (!pairs_.try_emplace(peer).second) return;
  if (state_ == ClientState::kBound) enqueue(now, RequestType::kOpen, peer);
}

void RelayClient::close(MonoTime now, const DiscoPublicKey& peer) {
  const auto found = pairs_.find(peer);
  if (found == pairs_.end()) return;
  take_down(peer, found->second);
  pairs_.erase(found);
  queue_.remove(RequestType::kOpen, peer);
  if (state_ == ClientState::kBound) enqueue(now, RequestType::kClose, peer);
}

void RelayClient::on_moved(MonoTime now) {
  if (state_ != ClientState::kIdle) greet(now);
}

void RelayClient::move_to(MonoTime now, std::vector<Endpoint> endpoints) {
  relay_.endpoints = std::move(endpoints);
  endpoint_ = 0;
  failures_ = 0;
  observed_.reset();
  if (state_ != ClientState::kIdle) greet(now);
}

void RelayClient::on_doubt(MonoTime now, Channel channel) {
  if (state_ != ClientState::kBound) return;
  enqueue(now, RequestType::kRefresh);
  // Word that the peer has left may have been lost.
  for (const auto& [peer, pair] : pairs_)
    if (pair.up && pair.up->channel == channel) enqueue(now, RequestType::kOpen, peer);
}

void RelayClient::greet(MonoTime now) {
  state_ = ClientState::kGreeting;
  challenges_ = 0;
  hello_ = {};
  hello_.next_try = now;
  queue_.clear();
}

void RelayClient::lose(MonoTime now) {
  for (auto& [peer, pair] : pairs_) take_down(peer, pair);
  events_.emplace_back(RelayLost{});
  observed_.reset();
  go_away(now);
}

void RelayClient::go_away(MonoTime now) {
  state_ = ClientState::kAway;
  queue_.clear();
  endpoint_ = (endpoint_ + 1) % relay_.endpoints.size();
  const auto pause = std::min<milliseconds>(seconds(1) * (1 << std::min(failures_, 5)), kMostPause);
  ++failures_;
  // Three quarters to five quarters, so that a relay's clients do not come back all at once.
  retry_at_ = now + pause * 3 / 4 + pause * draw(random_, 1000) / 2000;
}

void RelayClient::ask_later(MonoTime now, Pair& pair) {
  pair.ask_again = now + std::min(kAskAgain * (1 << std::min(pair.vain, 4)), kMostAskAgain);
  ++pair.vain;
}

void RelayClient::take_up(const DiscoPublicKey& peer, Pair& pair, Channel channel) {
  const path::Way way(endpoint(), channel);
  if (pair.up == way) return;
  pair.up = way;
  events_.emplace_back(PairUp{peer, way});
}

void RelayClient::take_down(const DiscoPublicKey& peer, Pair& pair) {
  if (!pair.up) return;
  pair.up.reset();
  given_.end(peer);
  events_.emplace_back(PairDown{peer});
}

void RelayClient::distrust(MonoTime now, Channel channel) {
  events_.emplace_back(RelayLies{channel});
  lose(now);
  retry_at_ = now + kLiarPause;
}

void RelayClient::enqueue(MonoTime now, RequestType type, const DiscoPublicKey& peer) {
  queue_.add(now, type, peer);
}

Sequence RelayClient::next_sequence(MonoTime now) {
  if (!clock_start_) clock_start_ = now;
  const auto passed = std::chrono::duration_cast<std::chrono::microseconds>(now - *clock_start_);
  const auto clock = first_sequence_.value() + static_cast<std::uint64_t>(passed.count());
  last_sequence_ = Sequence(std::max(last_sequence_.value() + 1, clock));
  return last_sequence_;
}

void RelayClient::send(MonoTime now, RequestQueue::Entry& entry) {
  Request request{next_sequence(now), Refresh{}};
  switch (entry.type) {
    case RequestType::kBind:
      request.wish = Bind{*ticket_};
      break;
    case RequestType::kOpen:
      request.wish = Open{entry.peer};
      break;
    case RequestType::kClose:
      request.wish = Close{entry.peer};
      break;
    case RequestType::kRefresh:
      break;
  }
  if (entry.sequences.size() >= kRememberedSequences)
    entry.sequences.erase(entry.sequences.begin());
  entry.sequences.push_back(request.sequence);
  entry.on_sent(now);
  out_.push_back(seal(request, disco_key_, cookie_, *shared_, random_));
}

void RelayClient::on_unanswered(MonoTime now, int tries) {
  if (tries == kDoubtfulTries && !std::exchange(doubtful_, true))
    events_.emplace_back(RelayDoubtful{});
  if (tries >= kMostTries) lose(now);
}

void RelayClient::send_due(MonoTime now) {
  std::size_t sent = 0;
  // By index: what is asked in vain may end it all.
  for (std::size_t i = 0; i < queue_.entries().size() && sent < kMostAtOnce; ++i) {
    auto& entry = queue_.entries()[i];
    if (entry.next_try > now) continue;
    if (entry.type == RequestType::kBind || entry.type == RequestType::kRefresh) {
      on_unanswered(now, entry.tries);
      if (state_ == ClientState::kAway) return;
    } else if (entry.tries >= kMostTries) {
      // The binding lives, or it would have ended: the relay will not say, so ask later. That is no
      // word of the peer's absence, which would make the pauses longer.
      if (const auto pair = pairs_.find(entry.peer); pair != pairs_.end())
        pair->second.ask_again = now + kAskAgain;
      queue_.entries().erase(queue_.entries().begin() + static_cast<std::ptrdiff_t>(i--));
      continue;
    }
    send(now, entry);
    ++sent;
  }
}

void RelayClient::tick(MonoTime now) {
  if (state_ == ClientState::kAway && now >= retry_at_ && ticket_) greet(now);
  if (state_ == ClientState::kGreeting && now >= hello_.next_try) {
    on_unanswered(now, hello_.tries);
    if (state_ != ClientState::kGreeting) return;
    hello_.on_sent(now);
    out_.push_back(encode(Hello{disco_key_}));
  }
  if (state_ == ClientState::kBound) {
    if (now >= bound_until_) {
      lose(now);
      return;
    }
    if (now >= refresh_at_) {
      enqueue(now, ticket_is_new_ ? RequestType::kBind : RequestType::kRefresh);
      refresh_at_ = bound_until_;
    }
    for (auto& [peer, pair] : pairs_) {
      if (pair.ask_again == MonoTime{} || now < pair.ask_again) continue;
      pair.ask_again = {};
      enqueue(now, RequestType::kOpen, peer);
    }
  }
  if (state_ == ClientState::kBinding || state_ == ClientState::kBound) send_due(now);
}

std::optional<MonoTime> RelayClient::next_deadline() const {
  switch (state_) {
    case ClientState::kIdle:
      return std::nullopt;
    case ClientState::kAway:
      return ticket_ ? std::optional(retry_at_) : std::nullopt;
    case ClientState::kGreeting:
      return hello_.next_try;
    default:
      break;
  }
  MonoTime earliest =
      state_ == ClientState::kBound ? std::min(bound_until_, refresh_at_) : MonoTime::max();
  for (const auto& entry : queue_.entries()) earliest = std::min(earliest, entry.next_try);
  for (const auto& [peer, pair] : pairs_)
    if (state_ == ClientState::kBound && pair.ask_again != MonoTime{})
      earliest = std::min(earliest, pair.ask_again);
  return earliest;
}

Reception RelayClient::on_datagram(MonoTime now, std::span<const std::uint8_t> bytes,
                                   const Endpoint& source) {
  if (state_ == ClientState::kIdle || state_ == ClientState::kAway || source != endpoint())
    return Reception::kElsewhere;
  const auto parsed = parse_datagram(bytes);
  const auto* datagram = std::get_if<Datagram>(&parsed);
  if (datagram == nullptr) return Reception::kMalformed;
  if (const auto* challenge = std::get_if<Challenge>(datagram)) {
    if (challenge->client != disco_key_) return Reception::kUnmatched;
    return on_challenge(now, *challenge);
  }
  const auto* sealed = std::get_if<SealedAnswer>(datagram);
  if (sealed == nullptr || sealed->client != disco_key_) return Reception::kMalformed;
  const auto opened = relay::open(*sealed, *shared_);
  const auto* answer = std::get_if<Answer>(&opened);
  return answer != nullptr ? on_answer(now, *answer) : Reception::kMalformed;
}

// Not authentic: anybody who can send from the relay's address can make us ask a few times more.
Reception RelayClient::on_challenge(MonoTime now, const Challenge& challenge) {
  if (challenges_ >= kMostChallenges) return Reception::kUnmatched;
  if (state_ == ClientState::kGreeting) {
    if (hello_.tries == 0) return Reception::kUnmatched;
    state_ = ClientState::kBinding;
    enqueue(now, RequestType::kBind);
  } else {
    const auto& waiting = queue_.entries();
    const bool asked = std::any_of(waiting.begin(), waiting.end(),
                                   [](const RequestQueue::Entry& e) { return e.tries > 0; });
    if (!asked) return Reception::kUnmatched;
    queue_.send_again(now);
  }
  ++challenges_;
  cookie_ = challenge.cookie;
  send_due(now);
  return Reception::kTaken;
}

Reception RelayClient::on_answer(MonoTime now, const Answer& answer) {
  const bool newest = answer.stamp > highest_stamp_;
  highest_stamp_ = std::max(highest_stamp_, answer.stamp);
  RequestQueue::Entry asked;
  if (answer.sequence == Sequence()) {
    // An old "asked" costs one question, and a late one must not be lost.
    const bool harmless = std::holds_alternative<Asked>(answer.word);
    if ((!newest && !harmless) || state_ != ClientState::kBound) return Reception::kUnmatched;
    if (std::holds_alternative<Bound>(answer.word) || std::holds_alternative<Refused>(answer.word))
      return Reception::kUnmatched;
  } else {
    auto found = queue_.take(answer.sequence);
    if (!found) return Reception::kUnmatched;
    asked = std::move(*found);
  }
  challenges_ = 0;
  doubtful_ = false;
  if (const auto* refused = std::get_if<Refused>(&answer.word)) {
    on_refused(now, *refused, asked.peer);
  } else if (const auto* asks = std::get_if<Asked>(&answer.word)) {
    events_.emplace_back(PeerAsks{asks->peer});
  } else if (const auto* bound = std::get_if<Bound>(&answer.word)) {
    if (asked.type == RequestType::kBind) ticket_is_new_ = false;
    on_word(now, *bound);
  } else if (const auto* opened = std::get_if<Opened>(&answer.word)) {
    // We have closed it, but that was lost; the peer goes on.
    const bool forgotten = answer.sequence == Sequence() && !pairs_.contains(opened->peer);
    if (forgotten && opened->state == PairState::kPaired)
      events_.emplace_back(PeerAsks{opened->peer});
    on_word(now, *opened);
  } else if (const auto* draining = std::get_if<Draining>(&answer.word)) {
    on_word(now, *draining);
  } else if (asked.type != RequestType::kClose) {
    on_word(now, std::get<Closed>(answer.word));
  }
  return Reception::kTaken;
}

void RelayClient::on_word(MonoTime now, const Bound& bound) {
  failures_ = 0;
  const auto lifetime = std::max(bound.lifetime, seconds(1));
  bound_until_ = now + lifetime;
  const auto spread = milliseconds(draw(random_, kRefreshSpreadMs));
  refresh_at_ = now + std::min<milliseconds>(lifetime / 3, kLeastRefresh + spread);
  if (observed_ != bound.observed) {
    observed_ = bound.observed;
    events_.emplace_back(RelayBound{bound.observed});
  }
  if (std::exchange(state_, ClientState::kBound) == ClientState::kBound) return;
  for (auto& [peer, pair] : pairs_) {
    // A relay moves a client's pairs along; should it not know them any more, it says so now.
    if (pair.up) take_up(peer, pair, pair.up->channel);
    enqueue(now, RequestType::kOpen, peer);
  }
}

void RelayClient::on_word(MonoTime now, const Opened& opened) {
  const auto found = pairs_.find(opened.peer);
  if (found == pairs_.end() || opened.channel == Channel{}) return;
  auto& pair = found->second;
  queue_.remove(RequestType::kOpen, opened.peer);
  if (opened.state == PairState::kWaits) return lose_pair(now, opened.peer);
  if (!given_.give(opened.peer, opened.channel)) return distrust(now, opened.channel);
  pair.ask_again = {};
  pair.vain = 0;
  take_up(opened.peer, pair, opened.channel);
}

void RelayClient::on_word(MonoTime now, const Draining& draining) {
  events_.emplace_back(RelayDrains{now + draining.left});
}

void RelayClient::on_word(MonoTime now, const Closed& closed) { lose_pair(now, closed.peer); }

void RelayClient::lose_pair(MonoTime now, const DiscoPublicKey& peer) {
  const auto found = pairs_.find(peer);
  if (found == pairs_.end()) return;
  take_down(peer, found->second);
  ask_later(now, found->second);
}

void RelayClient::on_refused(MonoTime now, const Refused& refused, const DiscoPublicKey& peer) {
  switch (refused.reason) {
    case Reason::kNotBound:
      greet(now);  // restarted, or it sees us elsewhere; pairs come back with the binding
      return;
    case Reason::kNoSuchPeer:
    case Reason::kTooManyPairs:
      lose_pair(now, peer);
      return;
    case Reason::kTicketExpired:
    case Reason::kTicketNotAuthentic:
    case Reason::kOthersTicket:
      events_.emplace_back(TicketRefused{refused.reason});
      break;
    case Reason::kDraining:
      events_.emplace_back(RelayDrains{now});
      if (state_ == ClientState::kBound) return;  // what is open stays until it ends
      break;
    case Reason::kFull:
      break;
  }
  lose(now);
  retry_at_ = now + kRefusedPause;
}

}  // namespace kernmesh::relay
