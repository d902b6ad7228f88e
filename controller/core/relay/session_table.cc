// SPDX-License-Identifier: Apache-2.0
#include "controller/core/relay/session_table.h"

#include <algorithm>

namespace kernmesh::relay {
namespace {

WallTime in_seconds(const Now& now) { return std::chrono::floor<std::chrono::seconds>(now.wall); }

Era after(Era era) { return Era(era.value() + 1); }

Reason reason_of(TicketFault fault) {
  return fault == TicketFault::kExpired ? Reason::kTicketExpired : Reason::kTicketNotAuthentic;
}

}  // namespace

SessionTable::SessionTable(const SessionSettings& settings, const X25519SecretKey& key,
                           path::RandomStream random)
    : settings_(settings),
      key_(key),
      random_(std::move(random)),
      cookies_(random_.seed()),
      pairing_(settings.limits, random_.split()),
      hellos_(settings.hellos, random_.bytes<16>()),
      requests_(settings.requests, random_.bytes<16>()),
      network_requests_(settings.network_requests, random_.bytes<16>(), kOneNetwork),
      all_requests_(settings.all_requests.per_second, settings.all_requests.burst) {}

Commands SessionTable::on_control(const Origin& from, std::span<const std::uint8_t> datagram,
                                  const Now& now) {
  Commands commands;
  if (is_forbidden(from.client, settings_.forbidden)) {
    ++counts_.forbidden;
    return commands;
  }
  const auto parsed = parse_datagram(datagram);
  const auto* message = std::get_if<Datagram>(&parsed);
  const auto* hello = message != nullptr ? std::get_if<Hello>(message) : nullptr;
  const auto* request = message != nullptr ? std::get_if<SealedRequest>(message) : nullptr;
  if (hello == nullptr && request == nullptr) {
    ++counts_.malformed;
    return commands;
  }
  const auto& key = hello != nullptr ? hello->client : request->client;
  const Client* known = pairing_.find(key);
  CookieHolder holder{from, key, known != nullptr ? known->era : Era()};
  const auto is_good = [&](const CookieHolder& one) {
    return request != nullptr && cookies_.is_good(request->cookie, one, now.mono);
  };
  const CookieHolder next{from, key, after(holder.era)};
  if (is_good(holder)) {
    on_request(holder, *request, now, commands);
  } else if (known != nullptr && is_good(next)) {
    on_request(next, *request, now, commands);
  } else {
    challenge(holder, now, commands);
  }
  return commands;
}

Budget* SessionTable::budget_of(const Origin& from, const DiscoPublicKey& key) {
  Client* client = pairing_.find(key);
  return client != nullptr && client->origin == from ? &*client->budget : nullptr;
}

bool SessionTable::may_greet(const CookieHolder& holder, MonoTime now) {
  if (Budget* own = budget_of(holder.from, holder.client)) return own->hellos.take(now);
  return hellos_.take(holder.from.client.address, now);
}

bool SessionTable::may_request(const CookieHolder& proven, MonoTime now) {
  if (Budget* own = budget_of(proven.from, proven.client)) return own->requests.take(now);
  const IpAddress& address = proven.from.client.address;
  return requests_.take(address, now) && network_requests_.take(address, now) &&
         all_requests_.take(now);
}

void SessionTable::challenge(const CookieHolder& holder, const Now& now, Commands& commands) {
  if (!may_greet(holder, now.mono)) {
    ++counts_.over_quota;
    return;
  }
  ++counts_.challenges;
  commands.send.push_back(
      {holder.from, encode(Challenge{holder.client, cookies_.bake(holder, now.mono)})});
}

void SessionTable::on_request(const CookieHolder& proven, const SealedRequest& sealed,
                              const Now& now, Commands& commands) {
  if (!may_request(proven, now.mono)) {
    ++counts_.over_quota;
    return;
  }
  Client* known = pairing_.find(sealed.client);
  const auto shared =
      known != nullptr ? std::optional(known->shared) : shared_key(sealed.client, key_);
  const auto opened = shared ? open(sealed, *shared) : Parsed<Request>(Defect::kNotAuthentic);
  if (const auto* defect = std::get_if<Defect>(&opened)) {
    ++(*defect == Defect::kNotAuthentic ? counts_.not_authentic : counts_.malformed);
    return;
  }
  const auto& request = std::get<Request>(opened);
  const bool is_bind = std::holds_alternative<Bind>(request.wish);
  const bool begins_era = known != nullptr && known->era != proven.era;
  const bool is_low = known != nullptr && request.sequence <= known->sequence;
  if (request.sequence.value() == 0 || (is_low && !(is_bind && begins_era))) {
    ++counts_.replayed;
    // Old, or of a client whose clock was set back before it began anew: it shows which by sealing
    // another bind behind a cookie that nobody has had yet.
    if (is_low && is_bind)
      challenge({proven.from, proven.client, after(known->era)}, now, commands);
    return;
  }
  if (begins_era) known->era = proven.era;
  serve(proven.from, DiscoPublicKey(sealed.client), *shared, request, now, commands);
}

void SessionTable::serve(const Origin& from, const DiscoPublicKey& key, const SharedKey& shared,
                         const Request& request, const Now& now, Commands& commands) {
  Effects effects;
  decltype(Answer::word) word = Refused{Reason::kNotBound, type_of(request)};
  Client* client = pairing_.find(key);
  if (client != nullptr) client->sequence = request.sequence;
  if (std::holds_alternative<Bind>(request.wish)) {
    word = bind(from, key, shared, request, now, effects);
  } else if (client != nullptr && client->origin == from) {
    word = serve_bound(*client, request, now, effects);
  }
  if (std::holds_alternative<Refused>(word)) ++counts_.refusals;
  if (std::holds_alternative<Bound>(word) && from.stream.value() != 0) commands.bound = from.stream;
  answer(from, key, shared, Answer{0, request.sequence, word}, now, commands);
  settle(effects, now, commands);
}

std::variant<Ticket, Reason> SessionTable::checked(const Bind& bind, const DiscoPublicKey& key,
                                                   const Now& now) const {
  const auto claimed = claimed_network(bind.ticket);
  const auto server =
      std::find_if(settings_.networks.begin(), settings_.networks.end(),
                   [&](const auto& candidate) { return network_id(candidate) == claimed; });
  if (server == settings_.networks.end()) return Reason::kTicketNotAuthentic;
  const auto result = check_ticket(bind.ticket, *server, in_seconds(now));
  if (const auto* fault = std::get_if<TicketFault>(&result)) return reason_of(*fault);
  const auto& ticket = std::get<Ticket>(result);
  if (ticket.client != key) return Reason::kOthersTicket;
  return ticket;
}

decltype(Answer::word) SessionTable::bind(const Origin& from, const DiscoPublicKey& key,
                                          const SharedKey& shared, const Request& request,
                                          const Now& now, Effects& effects) {
  const auto result = checked(std::get<Bind>(request.wish), key, now);
  if (const auto* reason = std::get_if<Reason>(&result))
    return Refused{*reason, RequestType::kBind};
  if (draining_) return Refused{Reason::kDraining, RequestType::kBind};
  Client* client = let_in(std::get<Ticket>(result), from, shared, effects);
  if (client == nullptr) return Refused{Reason::kFull, RequestType::kBind};
  client->sequence = request.sequence;
  client->alive_at = now.mono;
  ++counts_.binds;
  ++generation_;
  return bound(*client, now);
}

Client* SessionTable::let_in(const Ticket& ticket, const Origin& from, const SharedKey& shared,
                             Effects& effects) {
  Client* client = pairing_.bind(ticket, from, shared, effects);
  if (client != nullptr && !client->budget) {
    client->budget = Budget{{settings_.hellos.per_second, settings_.hellos.burst},
                            {settings_.requests.per_second, settings_.requests.burst}};
  }
  return client;
}

Bound SessionTable::bound(const Client& client, const Now& now) const {
  const auto left = std::max(std::chrono::seconds(0), client.ticket_ends - in_seconds(now));
  return {std::min(settings_.lifetime, left), client.origin.client};
}

decltype(Answer::word) SessionTable::serve_bound(Client& client, const Request& request,
                                                 const Now& now, Effects& effects) {
  if (in_seconds(now) > client.ticket_ends)
    return Refused{Reason::kTicketExpired, type_of(request)};
  client.alive_at = now.mono;
  if (const auto* open = std::get_if<Open>(&request.wish)) {
    if (draining_) return Refused{Reason::kDraining, RequestType::kOpen};
    const auto wishes = client.wishes.size();
    const auto result = pairing_.open(client, open->peer, now.mono, effects);
    if (client.wishes.size() != wishes) ++generation_;
    if (const auto* reason = std::get_if<Reason>(&result))
      return Refused{*reason, RequestType::kOpen};
    return std::get<Opened>(result);
  }
  if (const auto* close = std::get_if<Close>(&request.wish)) {
    pairing_.close(client, close->peer, effects);
    ++generation_;
    return Closed{close->peer};
  }
  return bound(client, now);
}

void SessionTable::answer(const Origin& to, const DiscoPublicKey& key, const SharedKey& shared,
                          Answer answer, const Now& now, Commands& commands) {
  answer.stamp = static_cast<std::uint64_t>(now.wall.time_since_epoch().count());
  if (Client* client = pairing_.find(key)) {
    answer.stamp = std::max(answer.stamp, client->stamp + 1);
    client->stamp = answer.stamp;
  }
  commands.send.push_back({to, seal(answer, key, shared, random_)});
}

void SessionTable::notify(Client& client, decltype(Answer::word) word, const Now& now,
                          Commands& commands) {
  answer(client.origin, client.key, client.shared, Answer{0, Sequence(), std::move(word)}, now,
         commands);
}

void SessionTable::settle(Effects& effects, const Now& now, Commands& commands) {
  commands.channels.insert(commands.channels.end(), effects.channels.begin(),
                           effects.channels.end());
  commands.left.insert(commands.left.end(), effects.left.begin(), effects.left.end());
  for (const auto& notice : effects.notices) {
    Client* client = pairing_.find(notice.to);
    if (client == nullptr) continue;
    std::visit([&](const auto& word) { notify(*client, word, now, commands); }, notice.word);
  }
  effects = {};
}

std::optional<Outgoing> SessionTable::on_data(const Origin& from,
                                              std::span<const std::uint8_t> datagram,
                                              const Now& now) {
  const auto data = parse_data(datagram);
  Client* owner = nullptr;
  const auto onward = data ? pairing_.onward(from, data->channel, owner) : std::nullopt;
  if (!onward) {
    ++counts_.no_channel;
    return std::nullopt;
  }
  ++counts_.forwarded;
  if (in_seconds(now) <= owner->ticket_ends) owner->alive_at = now.mono;
  return Outgoing{onward->to, wrap_data(onward->out, data->message)};
}

void SessionTable::on_use(Channel channel, MonoTime last_used, const Now& now) {
  Client* owner = pairing_.owner_of(channel);
  if (owner == nullptr || in_seconds(now) > owner->ticket_ends) return;
  owner->alive_at = std::max(owner->alive_at, std::min(last_used, now.mono));
}

Commands SessionTable::on_stream_closed(StreamId stream, const Now& now) {
  Commands commands;
  Effects effects;
  std::vector<DiscoPublicKey> gone;
  for (const auto& [key, client] : pairing_.clients()) {
    if (client.origin.stream == stream) gone.push_back(key);
  }
  for (const auto& key : gone) pairing_.drop(key, effects);
  settle(effects, now, commands);
  return commands;
}

Commands SessionTable::expire(const Now& now) {
  Commands commands;
  Effects effects;
  std::vector<DiscoPublicKey> gone;
  for (const auto& [key, client] : pairing_.clients()) {
    if (now.mono - client.alive_at >= settings_.lifetime) gone.push_back(key);
  }
  for (const auto& key : gone) pairing_.drop(key, effects);
  if (!gone.empty()) ++generation_;
  settle(effects, now, commands);
  return commands;
}

Commands SessionTable::drain(std::chrono::seconds left, const Now& now) {
  Commands commands;
  draining_ = true;
  std::vector<DiscoPublicKey> all;
  for (const auto& [key, client] : pairing_.clients()) all.push_back(key);
  for (const auto& key : all) notify(*pairing_.find(key), Draining{left}, now, commands);
  return commands;
}

std::vector<SavedClient> SessionTable::save() const {
  std::vector<SavedClient> out;
  for (const auto& [key, client] : pairing_.clients()) {
    if (client.origin.stream.value() != 0) continue;
    SavedClient saved;
    saved.ticket = {client.network, client.node, key, client.ticket_ends, client.most_pairs};
    saved.origin = client.origin;
    saved.sequence = client.sequence.value();
    saved.stamp = client.stamp;
    for (const auto& [peer, wish] : client.wishes) saved.wishes.emplace_back(peer, wish.channel);
    out.push_back(std::move(saved));
  }
  return out;
}

Commands SessionTable::restore(const std::vector<SavedClient>& saved, const Now& now) {
  Commands commands;
  Effects unheard, effects;
  for (const auto& entry : saved) {
    const bool served =
        std::any_of(settings_.networks.begin(), settings_.networks.end(),
                    [&](const auto& server) { return network_id(server) == entry.ticket.network; });
    const auto shared = shared_key(entry.ticket.client, key_);
    if (!served || !shared || is_forbidden(entry.origin.client, settings_.forbidden)) continue;
    Client* client = let_in(entry.ticket, entry.origin, *shared, unheard);
    if (client == nullptr) continue;
    client->sequence = Sequence(entry.sequence);
    client->stamp = entry.stamp;
    client->alive_at = now.mono;
    for (const auto& [peer, channel] : entry.wishes)
      pairing_.restore(*client, peer, channel, effects);
  }
  commands.channels = std::move(effects.channels);
  return commands;
}

}  // namespace kernmesh::relay
