// SPDX-License-Identifier: Apache-2.0
#include "controller/server/signin/page.h"

namespace kernmesh::server {
namespace {

// `head` goes into the head as it is, `body` below the heading; `title` is text.
std::string whole_page(std::string_view title, std::string_view body, std::string_view head = "") {
  std::string page =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>";
  page += escape_html(title);
  page += " - Kernmesh</title>\n<link rel=\"stylesheet\" href=\"/style.css\">\n";
  page += head;
  page += "</head>\n<body>\n<main>\n<h1>";
  page += escape_html(title);
  page += "</h1>\n";
  page += body;
  page += "</main>\n</body>\n</html>\n";
  return page;
}

// What people and machines call themselves may be in any script and direction.
std::string isolated(std::string_view text) { return "<bdi>" + escape_html(text) + "</bdi>"; }

std::string row(std::string_view name, std::string_view value) {
  return "<dt>" + std::string(name) + "</dt><dd>" + isolated(value) + "</dd>\n";
}

// Errors are written to stand behind a colon; here one stands alone.
std::string as_sentence(std::string_view reason) {
  std::string sentence(reason);
  if (!sentence.empty() && sentence[0] >= 'a' && sentence[0] <= 'z') {
    sentence[0] = static_cast<char>(sentence[0] - 'a' + 'A');
  }
  if (!sentence.ends_with('.') && !sentence.ends_with('?')) sentence.push_back('.');
  return sentence;
}

}  // namespace

const std::string_view kStyleSheet =
    ":root{color-scheme:light dark}\n"
    "body{font:1.1rem/1.5 system-ui,sans-serif;margin:0;background:#f4f5f7;color:#14181f}\n"
    "main{max-width:34rem;margin:3rem auto;padding:1.5rem 2rem;background:#fff;"
    "border-radius:.5rem}\n"
    "h1{font-size:1.5rem;margin:0 0 1rem}\n"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.3rem 1.2rem}\n"
    "dt{color:#4a5361}\ndd{margin:0;font-weight:600;overflow-wrap:anywhere}\n"
    "label{display:block;margin-bottom:.3rem}\n"
    "input[type=text]{font:1.3rem ui-monospace,monospace;letter-spacing:.08em;width:100%;"
    "box-sizing:border-box;padding:.5rem;border:2px solid #5b6675;border-radius:.3rem}\n"
    "button{font:inherit;font-weight:600;margin-top:1rem;padding:.6rem 1.4rem;border:0;"
    "border-radius:.3rem;background:#0b57a4;color:#fff}\n"
    ":focus-visible{outline:3px solid #d97700;outline-offset:2px}\n"
    ".complaint{border-left:.3rem solid #b3261e;padding-left:.8rem}\n"
    ".done{border-left:.3rem solid #1b7f3b;padding-left:.8rem}\n"
    "@media (prefers-color-scheme:dark){body{background:#14181f;color:#e8ebf0}"
    "main{background:#1f2530}dt{color:#aeb7c4}button{background:#8ab8ee;color:#0d1420}"
    "a{color:#8ab8ee}}\n";

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out.push_back(c);
    }
  }
  return out;
}

std::string code_page(std::string_view complaint) {
  std::string body;
  if (!complaint.empty()) {
    body += "<p class=\"complaint\" role=\"alert\" id=\"complaint\">" + escape_html(complaint) +
            "</p>\n";
  }
  body +=
      "<p>A machine that wants to join this network shows a code in its terminal.</p>\n"
      "<form method=\"get\" action=\"/node\">\n"
      "<label for=\"code\">Code</label>\n"
      "<input type=\"text\" id=\"code\" name=\"code\" required maxlength=\"20\" "
      "autocomplete=\"off\" autocapitalize=\"characters\" spellcheck=\"false\" "
      "placeholder=\"XXXX-XXXX-XXXX\"";
  if (!complaint.empty()) body += " aria-invalid=\"true\" aria-describedby=\"complaint\"";
  return whole_page("Sign in a machine",
                    body + ">\n<button type=\"submit\">Go on</button>\n</form>\n");
}

std::string confirmation_page(const Confirmation& confirmation) {
  const std::string body =
      "<p>This machine asks to join the network <strong>in your name</strong>:</p>\n<dl>\n" +
      row("Machine", confirmation.newcomer.hostname) +
      row("Its address", confirmation.newcomer.source) + row("Code", confirmation.user_code) +
      "</dl>\n"
      "<p>Go on only if you have started this yourself and the terminal shows the same code. "
      "If somebody has sent you here, close this page: the machine is theirs, not yours.</p>\n"
      "<form method=\"post\" action=\"/go\">\n<input type=\"hidden\" name=\"code\" value=\"" +
      escape_html(confirmation.user_code) + "\">\n<input type=\"hidden\" name=\"slip\" value=\"" +
      escape_html(confirmation.slip) +
      "\">\n<button type=\"submit\">It is mine: sign in</button>\n</form>\n";
  return whole_page("Sign in a machine", body);
}

std::string departure_page(const std::string& url, std::string_view issuer) {
  const std::string target = escape_html(url);
  return whole_page("Sign in",
                    "<p>You are taken to " + isolated(issuer) + ". If nothing happens, <a href=\"" +
                        target + "\">go there</a>.</p>\n",
                    "<meta http-equiv=\"refresh\" content=\"0;url=" + target + "\">\n");
}

std::string arrival_page(const signin::Newcomer& newcomer, const signin::Identity& identity) {
  std::string body = "<p class=\"done\" role=\"status\">" + isolated(newcomer.hostname) +
                     " is signed in. Its terminal goes on by itself; you may close this page.</p>\n"
                     "<dl>\n" +
                     row("Machine", newcomer.hostname);
  if (!identity.name.empty()) body += row("Signed in by", identity.name);
  if (!identity.email.empty()) body += row("E-mail", identity.email);
  body += row("Account", identity.subject) + row("Of", identity.issuer);
  return whole_page("Signed in", body + "</dl>\n");
}

std::string refusal_page(std::string_view reason) {
  return whole_page(
      "Not signed in",
      "<p class=\"complaint\" role=\"alert\">" + escape_html(as_sentence(reason)) +
          "</p>\n<p>The machine has not joined by this. To try again, run <code>meshadm up</code> "
          "on it again and follow its new link. If you think that you should be let in, ask the "
          "administrator of the network; the server's log has the details.</p>\n");
}

std::string later_page(std::string_view reason) {
  return whole_page("Not signed in yet",
                    "<p class=\"complaint\" role=\"alert\">" + escape_html(as_sentence(reason)) +
                        "</p>\n<p>The machine still waits: follow the same link again. Its "
                        "terminal says when the link is too old.</p>\n");
}

std::string not_found_page() {
  return whole_page("Nothing here",
                    "<p>There is no such page. <a href=\"/\">Sign in a machine</a></p>\n");
}

}  // namespace kernmesh::server
